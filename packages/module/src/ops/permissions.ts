import { administers } from '../access/access.ts';
import { checkSetting } from '../access/settings.ts';
import { refuse } from '../refusals/refused.ts';
import type { GrantOp, RevokeOp, RoleMemberOp, SetConfigurationOp } from '../schema/op-types.ts';
import { checkId, checkPattern, checkScope } from '../values/checks.ts';
import { CONFIGURATION_KEYS, SYSTEM_SCOPE, GRANT_ACTIONS, RESOURCE_KINDS } from '../wire/vocabulary.ts';
import type { ConfigurationKey } from '../wire/vocabulary.ts';
import { scheduleReindexing } from '../maintenance/reindexing.ts';
import { requireBelow } from '../access/bounds.ts';
import { MAX_GRANTS, MAX_SUBJECT_GRANTS } from '../wire/limits.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import type { Work } from './work.ts';

const ROLE_PREFIX = 'role:';
const IDENTITY_DIGITS = /^[0-9a-f]{64}$/;

/** Sets a configuration key, or resets it. */
export function setConfiguration(work: Work, op: SetConfigurationOp): void {
  const key = CONFIGURATION_KEYS.find((known) => known === op.key);
  work.access.require('configure', { kind: 'config', name: op.key, scope: '' });
  if (key === undefined) {
    refuse('config/unknown-key', `There is no setting '${op.key}'. Known are ${CONFIGURATION_KEYS.join(', ')}.`, {
      ids: [op.key.slice(0, 128)],
    });
  }
  const existing = work.db.config.key.find(key);
  const value = op.value === undefined ? undefined : checkSetting(key, op.value);
  if (existing?.value === value) return;
  const seq = work.log.change('CONFIGURATION_APPLIED', SYSTEM_SCOPE, key);
  const row = { key, value: value ?? '', publisher: work.ctx.sender, updatedAt: work.now, seq };
  if (value === undefined) work.db.config.key.delete(key);
  else if (existing === null) work.db.config.insert(row);
  else work.db.config.key.update(row);
  work.settings.forget(key);
  audit(work, { action: 'configure', subject: '', resource: `config:${key}`, detail: { value: value ?? null } }, seq);
  settle(work, key);
}

/** Grants an action on a resource; granted again, only the expiry changes. */
export function grantAccess(work: Work, op: GrantOp): void {
  const target = checkGrant(work, op);
  requireAdmin(work, op.resource, target.scope, { until: op.expiresAt });
  const existing = work.db.grant.grantKey.find(target.grantKey);
  if (existing === null) requireGrantRoom(work, target.subject);
  const seq = work.log.change('GRANT_CHANGED', SYSTEM_SCOPE, op.subject);
  const row = {
    ...target,
    grantedBy: work.ctx.sender,
    grantedAt: work.now,
    expiresAt: op.expiresAt,
    seq,
  };
  if (existing === null) work.db.grant.insert(row);
  else work.db.grant.grantKey.update(row);
  audit(work, { ...target, detail: { change: 'grant', scope: target.scope } }, seq);
}

/** Takes a grant back. */
export function revokeAccess(work: Work, op: RevokeOp): void {
  const target = checkGrant(work, op);
  requireAdmin(work, op.resource, target.scope);
  if (work.db.grant.grantKey.find(target.grantKey) === null) {
    refuse('grant/not-found', `There is no such grant to ${op.subject}.`, {
      ids: [op.subject],
      details: { action: op.action, resource: op.resource, scope: target.scope },
    });
  }
  const seq = work.log.change('GRANT_CHANGED', SYSTEM_SCOPE, op.subject);
  work.db.grant.grantKey.delete(target.grantKey);
  audit(work, { ...target, detail: { change: 'revoke', scope: target.scope } }, seq);
}

/** Puts an identity into a role. A role can hold any grant, so only the owner decides who is in it. */
export function addRoleMember(work: Work, op: RoleMemberOp): void {
  work.access.requireOwner('change roles');
  const role = checkId(op.role, 'role');
  const subject = op.member.toHexString();
  const memberKey = `${role}\n${subject}`;
  if (work.db.roleMember.memberKey.find(memberKey) !== null) return;
  const seq = work.log.change('GRANT_CHANGED', SYSTEM_SCOPE, subject);
  const row = { memberKey, role, member: op.member, grantedBy: work.ctx.sender, grantedAt: work.now, seq };
  work.db.roleMember.insert(row);
  audit(work, { action: 'join', subject, resource: `${ROLE_PREFIX}${role}`, detail: {} }, seq);
}

/** Takes an identity out of a role. */
export function removeRoleMember(work: Work, op: RoleMemberOp): void {
  work.access.requireOwner('change roles');
  const subject = op.member.toHexString();
  const memberKey = `${op.role}\n${subject}`;
  if (work.db.roleMember.memberKey.find(memberKey) === null) {
    refuse('grant/not-found', `${subject} is not in the role '${op.role}'.`, { ids: [subject] });
  }
  const seq = work.log.change('GRANT_CHANGED', SYSTEM_SCOPE, subject);
  work.db.roleMember.memberKey.delete(memberKey);
  audit(work, { action: 'leave', subject, resource: `${ROLE_PREFIX}${op.role}`, detail: {} }, seq);
}

interface GrantTarget {
  readonly grantKey: string;
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly scope: string;
}

function checkGrant(work: Work, { subject, action, resource, scope: named }: RevokeOp): GrantTarget {
  if (!(work.access.isOwner || work.access.grants().some((grant) => grant.action === 'grant:admin'))) {
    work.access.deny('grant anything');
  }
  if (subject.startsWith(ROLE_PREFIX)) checkId(subject.slice(ROLE_PREFIX.length), 'role');
  else if (!IDENTITY_DIGITS.test(subject)) {
    refuse(
      'value/malformed',
      `The subject '${subject.slice(0, 128)}' is neither 64 hexadecimal digits nor role:<name>.`,
    );
  }
  if (!(GRANT_ACTIONS as readonly string[]).includes(action)) {
    refuse('value/malformed', `The action '${action.slice(0, 128)}' is none of ${GRANT_ACTIONS.join(', ')}.`);
  }
  checkResource(resource);
  const scope = named === '' ? '' : checkScope(named);
  return { grantKey: `${subject}\n${action}\n${resource}\n${scope}`, subject, action, resource, scope };
}

function checkResource(resource: string): void {
  const colon = resource.indexOf(':');
  const kind = resource.slice(0, Math.max(colon, 0));
  const name = resource.slice(colon + 1);
  if (!(RESOURCE_KINDS as readonly string[]).includes(kind)) {
    refuse(
      'value/malformed',
      `The resource '${resource.slice(0, 256)}' must begin with one of ${RESOURCE_KINDS.join(':, ')}:.`,
    );
  }
  if (kind === 'event') checkPattern(name);
  else checkId(name, `${kind} of the resource`);
}

/** With `giving`: nobody gives for longer than they may give, or a right for a day would be one for ever. */
function requireAdmin(work: Work, resource: string, scope: string, giving?: { until: Timestamp | undefined }): void {
  if (work.access.isOwner) return;
  const rights = work.access.grants().filter((grant) => administers(grant, resource, scope));
  if (rights.some(({ expiresAt }) => giving === undefined || isWithin(giving.until, expiresAt))) return;
  if (rights.length > 0) {
    refuse(
      'permission/denied',
      `You may not grant ${resource} for longer than you may grant it. Name an earlier end.`,
      {
        details: { action: 'grant:admin', resource, scope },
      },
    );
  }
  refuse('permission/denied', `You may not grant ${resource}. Only a holder of grant:admin for it may.`, {
    details: { action: 'grant:admin', resource, scope },
  });
}

function isWithin(until: Timestamp | undefined, end: Timestamp | undefined): boolean {
  return end === undefined || (until !== undefined && micros(until) <= micros(end));
}

/** All grants of a subject are looked at by each of its calls, and all lie in memory. */
function requireGrantRoom(work: Work, subject: string): void {
  const { grant } = work.db;
  requireBelow(work.access, { what: 'grants', held: grant.count(), limit: MAX_GRANTS });
  if (work.access.isOwner) return;
  const held = BigInt([...grant.subject.filter(subject)].length);
  requireBelow(work.access, { what: 'grants of a subject', held, limit: MAX_SUBJECT_GRANTS });
}

/** What an entry of the audit says of its own. */
export interface AuditDraft {
  readonly action: string;
  readonly subject: string;
  readonly resource: string;
  readonly detail: Readonly<Record<string, string | null>>;
}

/** Writes down who did what, in the transaction that did it. */
export function audit(work: Work, { action, subject, resource, detail }: AuditDraft, seq: bigint): void {
  work.db.audit.insert({
    seq,
    position: work.position,
    action,
    subject,
    resource,
    detail: JSON.stringify(detail),
    actor: work.ctx.sender,
    requestId: work.requestId,
    recordedAt: work.now,
  });
}

/** What a changed setting brings about. */
function settle(work: Work, key: ConfigurationKey): void {
  if (key === 'indexes') scheduleReindexing(work.db, work.now);
}
