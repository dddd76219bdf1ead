import { MAX_ID_BYTES } from '@inner-universe/module/wire';
import type { Entity, EntityPatch, Relation, RelationPatch } from '@inner-universe/nerv';
import { utf8Length } from '../client/op-size.ts';
import { NervPersistenceError } from '../errors.ts';

/** What an entity becomes; undefined leaves it as it is. It may run more than once for a row, and depends on that alone. */
export type EntityMigrator = (entity: Entity) => EntityPatch | undefined;
/** As `EntityMigrator`, for relations. */
export type RelationMigrator = (relation: Relation) => RelationPatch | undefined;
/**
 * The state that follows on a branch's, which is read-only; undefined, or an equal one, commits nothing. A method's type,
 * so that a function over the store's own type fits.
 */
export type StateMigrator = { migrate(state: unknown): unknown }['migrate'];

/** How a store is migrated. */
export interface StateMigration {
  /** Names of branches; those that do not exist are left out. `all` is every one there is when it begins. Default `main`. */
  readonly branches?: readonly string[] | 'all' | undefined;
  readonly migrate: StateMigrator;
}

/** A change of an application's own data: functions over rows, by type, and over states, by store. Runs once. */
export interface DataMigration {
  /** Names it for ever in the universe: at most 100 bytes. Begin it with a date. */
  readonly id: string;
  /**
   * Which form of this migration it is; default 1. A function cannot be compared with what ran: whoever changes one of a
   * migration that may have been begun somewhere raises this, so that it is refused there instead of left out.
   */
  readonly version?: number | undefined;
  /** Stands in the versions that it commits. */
  readonly description?: string | undefined;
  readonly entities?: Readonly<Record<string, EntityMigrator>> | undefined;
  readonly relations?: Readonly<Record<string, RelationMigrator>> | undefined;
  readonly states?: Readonly<Record<string, StateMigrator | StateMigration>> | undefined;
}

/** Checked migrations, in the order in which they are applied. */
export type DataMigrations = readonly DataMigration[];

const ID_BYTES_MAX = 100;
const FIELDS: ReadonlySet<string> = new Set(['id', 'version', 'description', 'entities', 'relations', 'states']);

/**
 * Checks migrations of an application's data. A released one never changes: what is to change then is a new one.
 * @throws {NervPersistenceError} `migration/invalid`
 */
export function defineMigrations(migrations: readonly DataMigration[]): DataMigrations {
  if (!Array.isArray(migrations)) throw makeInvalid('undefined', 'is not in an array of migrations');
  const ids = new Set<string>();
  for (const migration of migrations as readonly unknown[]) {
    const { id } = { ...(migration as { readonly id?: unknown }) };
    if (typeof id !== 'string' || !isId(id, ID_BYTES_MAX)) {
      throw makeInvalid(String(id), `has no id: a text of 1 to ${ID_BYTES_MAX} bytes without control characters`);
    }
    if (ids.has(id)) throw makeInvalid(id, 'is there twice');
    ids.add(id);
    checkParts(id, migration as Readonly<Record<string, unknown>>); // it has an id, so it is an object
  }
  return Object.freeze([...migrations]);
}

function checkParts(id: string, migration: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(migration).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw makeInvalid(id, `has a field '${unknown}': there are ${[...FIELDS].join(', ')}`);
  const { description } = migration;
  if (description !== undefined && typeof description !== 'string') throw makeInvalid(id, 'has no text as description');
  const { version } = migration;
  if (version !== undefined && !(Number.isSafeInteger(version) && (version as number) >= 1))
    throw makeInvalid(id, `has ${JSON.stringify(version)} as version, which is a whole number from 1`);
  let parts = 0;
  for (const field of ['entities', 'relations', 'states'] as const) {
    const given = migration[field] ?? {};
    if (typeof given !== 'object') throw makeInvalid(id, `has no object as ${field}`);
    for (const [name, part] of Object.entries(given)) {
      parts += 1;
      if (!isId(name, MAX_ID_BYTES)) throw makeInvalid(id, `has ${field} of a name that is none: '${name}'`);
      if (typeof part === 'function' || (field === 'states' && isStateMigration(part))) continue;
      throw makeInvalid(id, `has no function for ${field} '${name}'`);
    }
  }
  if (parts === 0) throw makeInvalid(id, 'changes nothing: give entities, relations or states');
}

function isStateMigration(part: unknown): part is StateMigration {
  const { branches, migrate } = { ...(part as { readonly branches?: unknown; readonly migrate?: unknown }) };
  const areBranches =
    branches === undefined ||
    branches === 'all' ||
    (Array.isArray(branches) && branches.every((name) => typeof name === 'string' && isId(name, MAX_ID_BYTES)));
  return typeof migrate === 'function' && areBranches;
}

function isId(text: string, bytesMax: number): boolean {
  // eslint-disable-next-line no-control-regex
  return text !== '' && utf8Length(text) <= bytesMax && !/[\u0000-\u001f\u007f]/.test(text);
}

function makeInvalid(id: string, what: string): NervPersistenceError {
  return new NervPersistenceError('migration/invalid', `The migration '${id}' ${what}. Nothing was changed.`, {
    details: { id },
  });
}
