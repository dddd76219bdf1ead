/*
 * Who may do what, as applications say it: grants and roles with identities as texts and ends as dates. The module
 * decides who may give what; here only the form is checked, so that a slip is told before anything is sent.
 */
import {
  GRANT_ACTIONS,
  identityHex,
  makeWireTimestamp,
  microsOf,
  RESOURCE_KINDS,
  type GrantAction,
  type GrantRow,
  type Op,
  type PermissionsPage,
  type RoleMemberRow,
  type WireTimestamp,
} from '@inner-universe/module/wire';
import { tryFindNearest } from '../controller/nearest-name.ts';
import { NervPersistenceError } from '../errors.ts';
import { pages } from './reads.ts';

/** Which right of whom: names one grant. */
export interface GrantTarget {
  /** An identity (64 hexadecimal digits), or `role:<name>`. */
  readonly subject: string;
  readonly action: GrantAction;
  /** `event:<pattern>`, `entity:<type>`, `relation:<type>`, `store:<name>`, `scope:<name>` or `config:<key>`; `*` for all. */
  readonly resource: string;
  /** Limits it to one scope. Default: every scope. */
  readonly scope?: string | undefined;
}

/** A right to give. */
export interface AccessGrant extends GrantTarget {
  /** When it ends, by the server's clock. Default: never. */
  readonly expiresAt?: Date | undefined;
}

/** An identity (64 hexadecimal digits) in a role. */
export interface RoleMembership {
  readonly role: string;
  readonly member: string;
}

/** A grant that was made. One whose `expiresAt` has passed allows nothing. */
export interface Grant {
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  /** Undefined: every scope. */
  readonly scope: string | undefined;
  readonly expiresAt: Date | undefined;
  readonly grantedBy: string;
  readonly grantedAt: Date;
}

/** A member of a role, and who made it one. */
export interface RoleMember extends RoleMembership {
  readonly grantedBy: string;
  readonly grantedAt: Date;
}

/** Grants and members of roles, each in the order in which they were made. */
export interface Permissions {
  readonly grants: readonly Grant[];
  readonly members: readonly RoleMember[];
}

/** Which permissions are listed. */
export interface PermissionsQuery {
  /** Of this identity or `role:<name>` alone. Default: all that the caller may know of. */
  readonly subject?: string | undefined;
}

const GRANT_FIELDS = Object.keys({
  subject: true,
  action: true,
  resource: true,
  scope: true,
  expiresAt: true,
} satisfies { readonly [Name in keyof Required<AccessGrant>]: true });
const TARGET_FIELDS = GRANT_FIELDS.filter((name) => name !== 'expiresAt');
const MEMBERSHIP_FIELDS = ['role', 'member'];
const QUERY_FIELDS = ['subject'];
const ROLE_PREFIX = 'role:';
/** Half of a surrogate pair: such a text has no UTF-8, and would be stored as another one. */
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Beyond it there is no `Date`; the module's times reach further. */
const DATE_MS_MAX = 8.64e15;

/** The op that gives a right. @throws {NervPersistenceError} `value/malformed` */
export function makeGrantOp(grant: AccessGrant): Op {
  requireFields('A grant', grant, GRANT_FIELDS);
  const { expiresAt } = grant;
  return {
    tag: 'grant',
    value: { ...checkTarget(grant), expiresAt: expiresAt === undefined ? undefined : toTimestamp(expiresAt) },
  };
}

/** The op that takes a right back. @throws {NervPersistenceError} `value/malformed` */
export function makeRevokeOp(grant: GrantTarget): Op {
  requireFields('A grant to take back', grant, TARGET_FIELDS);
  return { tag: 'revoke', value: checkTarget(grant) };
}

/** The op that puts an identity into a role, or takes it out. @throws {NervPersistenceError} `value/malformed` */
export function makeRoleOp(tag: 'addRoleMember' | 'removeRoleMember', membership: RoleMembership): Op {
  requireFields('A membership', membership, MEMBERSHIP_FIELDS);
  const { role, member } = membership;
  requireText('role', role);
  return { tag, value: { role, member: { __identity__: BigInt(`0x${readIdentity('member', member)}`) } } };
}

/** Refuses what is no list of settings; what is in each the write checks. @throws {NervPersistenceError} `config/invalid` */
export function requireSettings(settings: unknown): void {
  if (Array.isArray(settings) && settings.every((one) => typeof one === 'object' && one !== null)) return;
  throw new NervPersistenceError(
    'config/invalid',
    'applyConfiguration takes a list of { key, value }. Nothing was sent.',
    { details: { field: 'settings' } },
  );
}

/** All pages of permissions together. @throws {NervPersistenceError} `value/malformed`; what `read` throws */
export async function collectPermissions(
  query: PermissionsQuery,
  read: (args: {
    readonly subject: string;
    readonly cursor: string;
    readonly limit: number;
  }) => Promise<PermissionsPage>,
): Promise<Permissions> {
  requireFields('A list of permissions', query, QUERY_FIELDS);
  const { subject = '' } = query;
  const of = subject === '' ? '' : readSubject(subject);
  const grants: Grant[] = [];
  const members: RoleMember[] = [];
  for await (const page of pages((cursor) => read({ subject: of, cursor, limit: 0 }))) {
    grants.push(...page.grants.map(makeGrant));
    members.push(...page.members.map(makeMember));
  }
  return { grants, members };
}

function makeGrant({ subject, action, resource, scope, expiresAt, grantedBy, grantedAt }: GrantRow): Grant {
  return {
    subject,
    action,
    resource,
    scope: scope === '' ? undefined : scope,
    expiresAt: expiresAt === undefined ? undefined : toDate(expiresAt),
    grantedBy: identityHex(grantedBy),
    grantedAt: toDate(grantedAt),
  };
}

function makeMember({ role, member, grantedBy, grantedAt }: RoleMemberRow): RoleMember {
  return { role, member: identityHex(member), grantedBy: identityHex(grantedBy), grantedAt: toDate(grantedAt) };
}

function checkTarget({
  subject,
  action,
  resource,
  scope = '',
}: GrantTarget): Required<GrantTarget> & { scope: string } {
  if (!(GRANT_ACTIONS as readonly unknown[]).includes(action))
    throw makeMalformed('action', action, `one of ${GRANT_ACTIONS.join(', ')}`);
  const kind = isText(resource) ? resource.slice(0, Math.max(resource.indexOf(':'), 0)) : '';
  if (!(RESOURCE_KINDS as readonly string[]).includes(kind) || resource.length === kind.length + 1)
    throw makeMalformed('resource', resource, `a kind and a name: ${RESOURCE_KINDS.join(':…, ')}:…`);
  if (!isText(scope)) throw makeMalformed('scope', scope, 'the name of a scope');
  return { subject: readSubject(subject), action, resource, scope };
}

/** A subject as the module stores it. */
function readSubject(subject: unknown): string {
  if (isText(subject) && subject.startsWith(ROLE_PREFIX) && subject.length > ROLE_PREFIX.length) return subject;
  return readIdentity('subject', subject, ', or role:<name>');
}

/** The digits of an identity in lower case, as the module compares them. */
function readIdentity(field: string, identity: unknown, or = ''): string {
  const digits = typeof identity === 'string' ? /^(?:0x)?([0-9a-f]{64})$/i.exec(identity)?.[1] : undefined;
  if (digits === undefined) throw makeMalformed(field, identity, `an identity, 64 hexadecimal digits${or}`);
  return digits.toLowerCase();
}

/** Refuses what has other fields: one that is mistyped would be left out, and a grant be wider, or longer, than meant. */
function requireFields(what: string, given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw makeMalformed(what, given, `an object with ${names.join(', ')}`);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const meant = tryFindNearest(unknown, names) ?? names.find((name) => name.startsWith(unknown));
  const advice = meant === undefined ? `there are ${names.join(', ')}.` : `did you mean '${meant}'?`;
  throw new NervPersistenceError('value/malformed', `${what} has no field '${unknown}': ${advice} Nothing was sent.`, {
    details: { field: unknown },
  });
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !LONE_SURROGATE.test(value);
}

function requireText(field: string, text: unknown): void {
  if (!isText(text) || text === '') throw makeMalformed(field, text, 'a name of at least one character');
}

function toTimestamp(date: unknown): WireTimestamp {
  if (!(date instanceof Date) || Number.isNaN(date.getTime())) throw makeMalformed('expiresAt', date, 'a valid Date');
  return makeWireTimestamp(BigInt(date.getTime()) * 1000n);
}

function toDate(timestamp: WireTimestamp): Date {
  const milliseconds = Number(microsOf(timestamp) / 1000n);
  return new Date(Math.min(Math.max(milliseconds, -DATE_MS_MAX), DATE_MS_MAX));
}

function makeMalformed(field: string, given: unknown, expected: string): NervPersistenceError {
  const shown = String(given).slice(0, 128);
  return new NervPersistenceError('value/malformed', `${field}: '${shown}' is not ${expected}.`, {
    details: { field, given: shown },
  });
}
