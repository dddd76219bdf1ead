/**
 * What a caller may do, as one transaction sees it.
 * - The owner may do all; everybody else only what a grant says, to them or to a role of theirs.
 * - A grant counts until it expires, and only in its scope if it names one.
 * - `scope:<name>` covers everything in that scope; `write` covers every way of writing but configuring and granting.
 */
import { matchesPattern } from '@inner-universe/nerv/events/pattern';
import type { Context } from '../schema/database.ts';
import type { GrantRow } from '../schema/rows.ts';
import { refuse } from '../refusals/refused.ts';
import { isSameIdentity, micros, type Identity, type Timestamp } from '../values/library-values.ts';
import { GUEST_ROLE, type GrantAction, type ResourceKind } from '../wire/vocabulary.ts';
import { OWNER_KEY, type Settings } from './settings.ts';

const GUEST_SUBJECT = `role:${GUEST_ROLE}`;
const WRITES: ReadonlySet<string> = new Set(['publish', 'create', 'update', 'delete', 'commit']);

/** One thing that an action is about. */
export interface Resource {
  readonly kind: ResourceKind;
  /** An event type, entity type, relation type, store, scope or configuration key. */
  readonly name: string;
  /** The scope it lies in; empty for what lies in none. */
  readonly scope: string;
}

/** The rights of one caller. */
export class Access {
  readonly isOwner: boolean;
  readonly #ctx: Context;
  readonly #settings: Settings;
  #grants: readonly GrantRow[] | undefined;
  #sorted: SortedGrants | undefined;
  readonly #allowed = new Map<string, boolean>();

  constructor(ctx: Context, settings: Settings) {
    this.#ctx = ctx;
    this.#settings = settings;
    this.isOwner = ctx.sender.toHexString() === ownerOf(ctx);
  }

  /** Whether the caller may do this. */
  allows(action: GrantAction, resource: Resource): boolean {
    if (this.isOwner) return true;
    const key = `${action}\n${resource.kind}\n${resource.name}\n${resource.scope}`;
    const known = this.#allowed.get(key);
    if (known !== undefined) return known;
    const allowed = this.#someAbout(resource.scope, (grant) => covers(grant, action, resource));
    this.#allowed.set(key, allowed);
    return allowed;
  }

  /** Whether the caller may know of this: to who may neither read it nor do this to it, it does not exist. */
  mayKnowOf(action: GrantAction, resource: Resource): boolean {
    return this.allows(action, resource) || this.allows('read', resource);
  }

  /** Whether the caller may read rows of this type in some scope. */
  mayReadType(kind: ResourceKind, name: string): boolean {
    return (
      this.isOwner ||
      this.grants().some(({ action, resource }) => {
        if (action !== 'read') return false;
        return resource.startsWith('scope:') || resource === `${kind}:*` || resource === `${kind}:${name}`;
      })
    );
  }

  /** Whether nothing but the role of guests lets the caller in: guests come and go under any number of identities. */
  get isGuest(): boolean {
    return !this.isOwner && this.grants().every(({ subject }) => subject === GUEST_SUBJECT);
  }

  /** Refuses with `permission/denied` what the caller may not do. */
  require(action: GrantAction, resource: Resource): void {
    if (this.allows(action, resource)) return;
    refuse('permission/denied', `You may not ${action} ${resource.kind}:${resource.name}. Ask its owner for a grant.`, {
      details: { action, resource: `${resource.kind}:${resource.name}`, scope: resource.scope },
    });
  }

  /** Refuses whoever has no grant at all. */
  requireAny(): void {
    if (!this.isOwner && this.grants().length === 0) this.deny('use this universe');
  }

  /** Refuses what only the owner may do. */
  requireOwner(what: string): void {
    if (!this.isOwner) this.deny(what);
  }

  /** Refuses, naming what. */
  deny(what: string): never {
    refuse('permission/denied', `You may not ${what}. Ask the owner for a grant.`, { details: { what } });
  }

  /** Whether the caller may read anything of this kind in a scope, so that looking there can find something. */
  mayReadSome(kind: ResourceKind, scope: string): boolean {
    if (this.isOwner) return true;
    return this.#someAbout(
      scope,
      (grant) =>
        (grant.action === 'read' && isWithin(grant, scope) && grant.resource.startsWith(`${kind}:`)) ||
        covers(grant, 'read', { kind: 'scope', name: scope, scope }),
    );
  }

  /** Whether the caller may read anything of this kind in some scope, be there anything in it or not. */
  mayReadSomewhere(kind: ResourceKind): boolean {
    if (this.isOwner) return true;
    return this.grants().some(({ action, resource, scope }) => {
      if (action !== 'read') return false;
      if (!resource.startsWith('scope:')) return resource.startsWith(`${kind}:`);
      return scope === '' || resource === 'scope:*' || resource === `scope:${scope}`;
    });
  }

  /** Whether the caller may read anything at all in a scope, and so may know of it. */
  mayKnowScope(scope: string): boolean {
    if (this.isOwner) return true;
    return this.#someAbout(
      scope,
      (grant) => grant.action === 'read' && isWithin(grant, scope) && isAboutScope(grant, scope),
    );
  }

  /** Whether any grant of the caller's is about a scope; to everybody else, what lies there does not exist. */
  isAbout(scope: string): boolean {
    return this.isOwner || this.#someAbout(scope, (grant) => isWithin(grant, scope) && isAboutScope(grant, scope));
  }

  /** Whether the caller may write anything at all in a scope. */
  mayWriteSome(scope: string): boolean {
    if (this.isOwner) return true;
    return this.#someAbout(
      scope,
      (grant) => isWrite(grant.action) && isWithin(grant, scope) && isAboutScope(grant, scope),
    );
  }

  /** The caller's grants that have not expired, and those of the caller's roles. */
  grants(): readonly GrantRow[] {
    this.#grants ??= this.#loadGrants();
    return this.#grants;
  }

  /** Whether the caller was given or has lost a right after a `seq`, recorded at that time if it is known. */
  hasChangedSince(seq: bigint, recordedAt: Timestamp | undefined): boolean {
    if (this.isOwner) return false;
    const { db, timestamp } = this.#ctx;
    return this.#subjects().some((subject) => {
      for (const change of db.audit.subject.filter(subject)) if (change.seq > seq) return true;
      if (recordedAt === undefined) return false;
      for (const { expiresAt } of db.grant.subject.filter(subject)) {
        if (expiresAt === undefined) continue;
        if (micros(expiresAt) > micros(recordedAt) && micros(expiresAt) <= micros(timestamp)) return true;
      }
      return false;
    });
  }

  /** Whether one of the grants that can matter in a scope is so: whoever has thousands has them for as many scopes. */
  #someAbout(scope: string, isSo: (grant: GrantRow) => boolean): boolean {
    this.#sorted ??= sortByScope(this.grants());
    return this.#sorted.anywhere.some(isSo) || (this.#sorted.inOne.get(scope)?.some(isSo) ?? false);
  }

  #subjects(): readonly string[] {
    return [this.#ctx.sender.toHexString(), ...this.#roles().map((role) => `role:${role}`)];
  }

  #loadGrants(): readonly GrantRow[] {
    const { db, timestamp } = this.#ctx;
    const now = micros(timestamp);
    const grants: GrantRow[] = [];
    for (const subject of this.#subjects()) {
      for (const grant of db.grant.subject.filter(subject)) {
        if (grant.expiresAt === undefined || micros(grant.expiresAt) > now) grants.push(grant);
      }
    }
    return grants;
  }

  #roles(): readonly string[] {
    const { db, sender } = this.#ctx;
    const roles = new Set<string>();
    for (const row of db.roleMember.member.filter(sender)) roles.add(row.role);
    for (const role of this.#claimedRoles()) roles.add(role);
    if (this.#settings.get('guests')) roles.add(GUEST_ROLE);
    return [...roles];
  }

  /** Roles in the caller's token count only from issuers that the configuration trusts for that audience. */
  #claimedRoles(): readonly string[] {
    const trusted = this.#settings.get('trusted_issuers');
    if (trusted.length === 0) return [];
    const claims = this.#ctx.senderAuth.jwt;
    if (claims === null) return [];
    const entry = trusted.find(
      ({ issuer, audience }) => issuer === claims.issuer && claims.audience.includes(audience),
    );
    if (entry === undefined) return [];
    const value: unknown = claims.fullPayload[entry.claim ?? 'roles'];
    return Array.isArray(value) ? value.filter((role): role is string => typeof role === 'string') : [];
  }
}

/** The owner's identity, as 64 hexadecimal digits. */
export function ownerOf(ctx: Context): string {
  return ctx.db.config.key.find(OWNER_KEY)?.value ?? '';
}

/** Whether a grant lets its holder administer what another grant would allow. */
export function administers(admin: GrantRow, resource: string, scope: string): boolean {
  if (admin.action !== 'grant:admin') return false;
  if (admin.scope !== '' && admin.scope !== scope) return false;
  if (admin.resource === 'scope:*') return !resource.startsWith('config:');
  if (admin.resource.startsWith('scope:')) {
    const name = admin.resource.slice('scope:'.length);
    return resource === admin.resource || (scope === name && !/^(?:scope|config):/.test(resource));
  }
  const [kind] = admin.resource.split(':', 1);
  if (admin.resource === (kind === 'event' ? 'event:**' : `${kind}:*`)) return resource.startsWith(`${kind}:`);
  return admin.resource === resource;
}

/** Whether the caller is the database itself, as scheduled reducers are. */
export function isDatabase(ctx: Context, sender: Identity): boolean {
  return isSameIdentity(ctx.databaseIdentity, sender);
}

/** Grants by where they can matter: `isWithin` and `covers` say no to one of `inOne` in any other scope. */
interface SortedGrants {
  readonly anywhere: readonly GrantRow[];
  readonly inOne: ReadonlyMap<string, readonly GrantRow[]>;
}

function sortByScope(grants: readonly GrantRow[]): SortedGrants {
  const anywhere: GrantRow[] = [];
  const inOne = new Map<string, GrantRow[]>();
  for (const grant of grants) {
    const scope = onlyScopeOf(grant);
    if (scope === undefined) anywhere.push(grant);
    else if (inOne.get(scope)?.push(grant) === undefined) inOne.set(scope, [grant]);
  }
  return { anywhere, inOne };
}

/** The only scope in which a grant can allow anything; undefined if there may be several. */
function onlyScopeOf({ scope, resource }: GrantRow): string | undefined {
  if (scope !== '') return scope;
  if (!resource.startsWith('scope:') || resource === 'scope:*') return undefined;
  return resource.slice('scope:'.length);
}

function isWrite(action: string): boolean {
  return action === 'write' || WRITES.has(action);
}

function covers(grant: GrantRow, action: GrantAction, resource: Resource): boolean {
  if (grant.action !== action && !(grant.action === 'write' && WRITES.has(action))) return false;
  if (!isWithin(grant, resource.scope)) return false;
  const colon = grant.resource.indexOf(':');
  const kind = grant.resource.slice(0, colon);
  const name = grant.resource.slice(colon + 1);
  if (kind === 'scope' && resource.kind !== 'config') return name === '*' || name === resource.scope;
  if (kind !== resource.kind) return false;
  if (kind === 'event') return coversEvents(name, resource.name);
  return name === '*' || name === resource.name;
}

/** A pattern covers the types it matches, and of other patterns only itself: `order.*` does not cover `order.**`. */
function coversEvents(pattern: string, wanted: string): boolean {
  if (pattern === '**') return true;
  return wanted.includes('*') ? pattern === wanted : matchesPattern(pattern, wanted);
}

function isWithin(grant: GrantRow, scope: string): boolean {
  return grant.scope === '' || grant.scope === scope;
}

/** Whether a grant on a scope is on this one; grants on anything else may concern every scope. */
function isAboutScope(grant: GrantRow, scope: string): boolean {
  if (grant.resource.startsWith('config:')) return false;
  return !grant.resource.startsWith('scope:') || grant.resource === 'scope:*' || grant.resource === `scope:${scope}`;
}
