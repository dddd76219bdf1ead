/*
 * Where a data migration stands, as an entity of the universe. Invariants:
 * - every step changes it in the transaction of what it does, and only as it was read: of two who migrate at the same
 *   time one takes the step, and the other begins again from here;
 * - what a step changed is noted in it, until the migration is done: no row is changed twice, whoever writes meanwhile.
 */
import { makeWireTimestamp, type EntityRow, type Op } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { ALL_ENTITIES, pages } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { NervPersistenceError } from '../errors.ts';

/** One thing a migration goes over: the rows of a type, or a branch. */
export type MigrationPart =
  | { readonly kind: 'entity' | 'relation'; readonly type: string }
  | { readonly kind: 'state'; readonly store: string; readonly branch: string };

/** How far a migration is, as it is stored. */
export interface MigrationPosition {
  /** `cleaning`: all is changed, and the notes of what was are being removed. */
  readonly state: 'running' | 'cleaning' | 'done';
  readonly parts: readonly MigrationPart[];
  /** What it goes over, as it is defined: whoever goes on must have the same. */
  readonly defined: string;
  /** Which form of it was begun; a record of an older release has none, which is 1. */
  readonly version?: number | undefined;
  /** The index of the part it is at. */
  readonly part: number;
  /** Where the next page of the part begins; empty for its first. */
  readonly cursor: string;
  /** The log's head when the part began: rows up to there were not changed by this migration. Empty before. */
  readonly through: string;
  /** Rows and branches that were looked at, and that were changed. */
  readonly read: number;
  readonly changed: number;
  /** How many notes of changed rows were written. */
  readonly notes: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

/** A position, and the row that it was read from. */
export interface MigrationRecord {
  readonly migration: string;
  readonly seq: bigint;
  readonly position: MigrationPosition;
}

/** Rows that a step changed. */
export interface ChangedRows {
  readonly kind: 'entity' | 'relation';
  readonly ids: readonly string[];
}

/** The scope of records and notes: nobody reads it who was not granted it. */
const MIGRATIONS_SCOPE = '$migrations';
const RECORD_TYPE = '$migration';
const NOTE_TYPE = '$migration-rows';
const NOTES_REMOVED_MAX = 500;

/** The label of who changed a row or made a version. */
export function authorOf(migration: string): string {
  return `migration:${migration}`;
}

/** Where a migration stands; undefined when nobody has begun it. */
export async function tryReadRecord(
  client: ModuleClient,
  migration: string,
  call: CallOptions,
): Promise<MigrationRecord | undefined> {
  const { entities } = await client.read('readEntities', { ...ALL_ENTITIES, ids: [recordIdOf(migration)] }, call);
  const [row] = entities;
  return row === undefined ? undefined : parseRecord(row);
}

/** Every migration that was begun here, in the order in which they were last changed. */
export async function readRecords(client: ModuleClient, call: CallOptions): Promise<readonly MigrationRecord[]> {
  const found: MigrationRecord[] = [];
  const wanted = { ...ALL_ENTITIES, entityType: RECORD_TYPE };
  for await (const page of pages((cursor) => client.read('readEntities', { ...wanted, cursor }, call))) {
    found.push(...page.entities.map(parseRecord));
  }
  return found;
}

/** Begins a migration; refused with `entity/id-taken` when somebody has. */
export function makeRecordOp(client: ModuleClient, migration: string, position: MigrationPosition): Op {
  return makeCreation(client, {
    id: recordIdOf(migration),
    entityType: RECORD_TYPE,
    migration,
    properties: JSON.stringify(position),
  });
}

/** Moves a migration on; refused with `entity/seq-mismatch` when somebody else did. */
export function makeMoveOp(client: ModuleClient, record: MigrationRecord, to: Partial<MigrationPosition>): Op {
  return {
    tag: 'updateEntity',
    value: {
      id: recordIdOf(record.migration),
      ifSeq: record.seq,
      properties: JSON.stringify({ ...record.position, ...to }),
      propertiesEncoding: 'json/1',
      propertiesRemoved: [],
      author: authorOf(record.migration),
      authoredAt: makeWireTimestamp(client.clock.nowMicros()),
      clearValidity: false,
    },
  };
}

/** Notes rows as changed by a migration. */
export function makeNoteOp(client: ModuleClient, record: MigrationRecord, rows: ChangedRows): Op {
  const { migration, position } = record;
  const id = `${recordIdOf(migration)}#${position.notes}`;
  return makeCreation(client, { id, entityType: NOTE_TYPE, migration, properties: JSON.stringify(rows) });
}

/** Those of some rows that a migration has changed. Costs by all it changed. */
export async function findChanged(
  client: ModuleClient,
  { migration, kind, ids }: ChangedRows & { readonly migration: string },
  call: CallOptions,
): Promise<ReadonlySet<string>> {
  const asked = new Set(ids);
  const found = new Set<string>();
  if (asked.size === 0) return found;
  const wanted = { ...ALL_ENTITIES, entityType: NOTE_TYPE, name: migration };
  for await (const page of pages((cursor) => client.read('readEntities', { ...wanted, cursor }, call))) {
    for (const { properties } of page.entities) {
      const note = JSON.parse(properties) as ChangedRows; // as `makeNoteOp` wrote it
      if (note.kind === kind) for (const id of note.ids) if (asked.has(id)) found.add(id);
    }
  }
  return found;
}

/** Ops that remove some of a migration's notes; none when there are no more. */
export async function makeRemovalOps(
  client: ModuleClient,
  { migration }: MigrationRecord,
  call: CallOptions,
): Promise<readonly Op[]> {
  const wanted = { ...ALL_ENTITIES, entityType: NOTE_TYPE, name: migration, limit: NOTES_REMOVED_MAX };
  const { entities } = await client.read('readEntities', wanted, call);
  return entities.map(({ id }) => ({ tag: 'deleteEntity', value: { id, cascade: false } }));
}

function parseRecord({ id, seq, entityType, name, properties }: EntityRow): MigrationRecord {
  try {
    const position = JSON.parse(properties) as MigrationPosition; // what it must have is checked here
    const isOne = entityType === RECORD_TYPE && Array.isArray(position.parts) && typeof position.state === 'string';
    if (isOne) return { migration: name, seq, position };
  } catch (cause) {
    throw makeStrange(id, cause);
  }
  throw makeStrange(id);
}

function makeStrange(id: string, cause?: unknown): NervPersistenceError {
  return new NervPersistenceError(
    'migration/changed',
    `The entity '${id}' is not what a migration wrote there. Was it changed by hand? Delete it only if the migration is to run from its beginning.`,
    { details: { id }, cause },
  );
}

function makeCreation(
  client: ModuleClient,
  row: { readonly id: string; readonly entityType: string; readonly migration: string; readonly properties: string },
): Op {
  const { id, entityType, migration, properties } = row;
  return {
    tag: 'createEntity',
    value: {
      id,
      entityType,
      name: migration,
      description: '',
      tags: [],
      properties,
      propertiesEncoding: 'json/1',
      scope: MIGRATIONS_SCOPE,
      author: authorOf(migration),
      authoredAt: makeWireTimestamp(client.clock.nowMicros()),
      upsert: false,
    },
  };
}

function recordIdOf(migration: string): string {
  return `$migration:${migration}`;
}
