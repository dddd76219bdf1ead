import type { EntityRow, RelationRow } from '@inner-universe/module/wire';
import { MAX_INLINE_VALUE_BYTES, type Op } from '@inner-universe/module/wire';
import type { Entity, EntityPatch, Properties, Relation } from '@inner-universe/nerv';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import { stringify } from '@inner-universe/nerv/values';
import type { ModuleClient } from '../client/client.ts';
import { utf8Length } from '../client/op-size.ts';
import { ALL_ENTITIES, ALL_RELATIONS } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';
import type { GraphSealer } from '../encryption/graph-sealer.ts';
import { NervPersistenceError } from '../errors.ts';
import { makeGraphWrite, makeWholeUpdate, type GraphWrite } from '../graph/graph-ops.ts';
import { GraphReads } from '../graph/graph-reads.ts';
import { makeEntities, makeRelations, type RowSource, type StoredEntity } from '../graph/graph-rows.ts';
import { WriteSealing } from '../graph/write-sealing.ts';
import type { DataMigration } from './define-migrations.ts';
import { authorOf, type MigrationPart } from './migration-record.ts';
import { checkPatch } from './check-patch.ts';
import { patchRow } from './patched-row.ts';

type RowPart = Extract<MigrationPart, { readonly type: string }>;
type Row = EntityRow | RelationRow;
type Update = Extract<GraphOperation, { readonly type: 'update-entity' | 'update-relation' }>;

/** How many bytes of properties in chunks are fetched for one page, unless one row alone has more. */
const OPEN_BYTES_MAX = 33_554_432;

/** A page of the rows of a type, in the order in which they were last changed. */
export interface RowPage {
  readonly rows: readonly Row[];
  readonly cursor: string;
  readonly more: boolean;
  readonly seq: bigint;
}

/** A row that is to be changed, as a migration's function sees it, and how. */
export interface RowChange {
  readonly stored: Row;
  readonly before: Entity | Relation;
  readonly patch: EntityPatch;
}

/** What a look for changes takes into account. */
export interface FindOptions {
  /** Migrations that come first and are not done, in their order: their functions run before. Default none. */
  readonly earlier?: readonly DataMigration[] | undefined;
  readonly call: CallOptions;
}

/** Reads rows, works out what becomes of them, and makes the ops for it; sealed properties are open to functions. */
export class RowChanges {
  readonly #client: ModuleClient;
  readonly #source: RowSource;
  readonly #raw: RowSource;
  readonly #sealing: WriteSealing | undefined;

  constructor(client: ModuleClient, sealer: GraphSealer | undefined) {
    this.#client = client;
    this.#source = { read: client.readPage, sealer };
    this.#raw = { read: client.readPage, sealer: undefined };
    this.#sealing = sealer === undefined ? undefined : new WriteSealing(sealer, new GraphReads(this.#raw));
  }

  /** A page of at most so many rows; of fewer where their properties are large. */
  async readPage(part: RowPart, cursor: string, limit: number, call: CallOptions): Promise<RowPage> {
    for (let rows = limit; ; rows >>= 1) {
      const page = await this.#readPage(part, cursor, rows, call);
      if (rows <= 1 || chunkBytesOf(page.rows) <= OPEN_BYTES_MAX) return page;
    }
  }

  async #readPage(part: RowPart, cursor: string, limit: number, call: CallOptions): Promise<RowPage> {
    if (part.kind === 'entity') {
      const wanted = { ...ALL_ENTITIES, entityType: part.type, cursor, limit };
      const { entities: rows, ...end } = await this.#client.read('readEntities', wanted, call);
      return { rows, ...end };
    }
    const wanted = { ...ALL_RELATIONS, relationType: part.type, cursor, limit };
    const { relations: rows, ...end } = await this.#client.read('readRelations', wanted, call);
    return { rows, ...end };
  }

  /**
   * Those of the rows that a migration changes, as they are after the `earlier` ones that are not done yet.
   * @throws {NervPersistenceError} `migration/function-failed`
   */
  async find(
    migration: DataMigration,
    { part, rows }: { readonly part: RowPart; readonly rows: readonly Row[] },
    { earlier = [], call }: FindOptions,
  ): Promise<readonly RowChange[]> {
    const open = (): Promise<readonly (Entity | Relation)[]> => this.#open(part, rows, this.#source);
    const opened = await runWithin('migrations.readRows', call, open, this.#client.timers);
    return rows.flatMap((stored, index): readonly RowChange[] => {
      let before = opened[index] as Entity | Relation; // one for each row, in their order
      for (const one of earlier) {
        const patch = stored.author === authorOf(one.id) ? undefined : runMigrator(one, part, before);
        if (patch !== undefined) before = patchRow(before, patch);
      }
      const patch = runMigrator(migration, part, before);
      return patch === undefined ? [] : [{ stored, before, patch }];
    });
  }

  /** The ops for changes, each refused if its row was changed meanwhile; `chunks` go before. */
  async make(
    migration: string,
    part: RowPart,
    changes: readonly RowChange[],
  ): Promise<{ readonly ops: readonly Op[]; readonly chunks: readonly Op[] }> {
    const at = Number(this.#client.clock.nowMicros() / 1000n);
    const updates = changes.map(({ stored: { id, seq }, patch }): Update => {
      const type = part.kind === 'entity' ? 'update-entity' : 'update-relation';
      return { type, id, patch, ifSeq: Number(seq), at };
    });
    const whole = new Set(changes.flatMap(({ stored, patch }, index) => (isWhole(stored, patch) ? [index] : [])));
    const parts = updates.filter((_, index) => !whole.has(index));
    const sealed = await this.#seal(parts);
    const author = authorOf(migration);
    const writes: GraphWrite[] = sealed.map((update) => makeGraphWrite(update, { scope: 'main', author }));
    for (const index of whole) {
      const [change, update] = [changes[index], updates[index]];
      if (change !== undefined && update !== undefined)
        writes.push(await this.#makeWhole(part, change, update, author));
    }
    return { ops: writes.map(({ op }) => op), chunks: writes.flatMap(({ chunks }) => chunks) };
  }

  async #seal(updates: readonly Update[]): Promise<readonly GraphOperation[]> {
    if (this.#sealing === undefined || this.#sealing.needOf(updates) === 'nothing') return updates;
    return this.#sealing.seal(updates);
  }

  /** Properties that do not fit into one column are replaced as a whole. */
  async #makeWhole(part: RowPart, { stored, patch }: RowChange, update: Update, author: string): Promise<GraphWrite> {
    const [row] = (await this.#open(part, [stored], this.#raw)) as readonly StoredEntity[]; // read as it is stored
    const properties: Record<string, unknown> = { ...row?.properties, ...patch.properties };
    for (const key of patch.removeProperties ?? []) delete properties[key];
    const plain = properties as Properties; // what was read and what is given are both storable
    const subject = { id: stored.id, type: part.type, properties: row?.properties ?? {} };
    const sealed = (await this.#sealing?.sealProperties(part.kind, subject, plain)) ?? plain;
    return makeWholeUpdate(update, sealed, { scope: stored.scope, author });
  }

  #open(part: RowPart, rows: readonly Row[], source: RowSource): Promise<readonly (Entity | Relation)[]> {
    return part.kind === 'entity'
      ? makeEntities(source, rows as readonly EntityRow[]) // the part says which they are
      : makeRelations(source, rows as readonly RelationRow[]);
  }
}

function runMigrator(
  migration: DataMigration,
  { kind, type }: RowPart,
  row: Entity | Relation,
): EntityPatch | undefined {
  // The part was made of the definition: its function takes rows of its kind.
  const functions = kind === 'entity' ? migration.entities : migration.relations;
  const migrate = functions?.[type] as ((row: Entity | Relation) => unknown) | undefined;
  let patch: unknown;
  try {
    patch = migrate?.(row);
    if (patch === undefined) return undefined;
    const isPlain = typeof patch === 'object' && patch !== null && !('then' in patch);
    if (!isPlain) throw new TypeError('It gave no patch: an object with name, properties and so on, or undefined.');
    checkPatch(kind, patch);
  } catch (cause) {
    throw makeFunctionFailed(migration.id, `${kind} '${row.id}' of type '${type}'`, { kind, type, id: row.id }, cause);
  }
  return patch as EntityPatch; // an object; what is wrong in it the graph's ops refuse
}

/** A function of a migration that threw or gave what is none. */
export function makeFunctionFailed(
  migration: string,
  what: string,
  details: Readonly<Record<string, unknown>>,
  cause: unknown,
): NervPersistenceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NervPersistenceError(
    'migration/function-failed',
    `The function of migration '${migration}' failed for ${what}: ${reason} What was changed before stays; correct it, and apply again.`,
    { details: { migration, ...details }, cause },
  );
}

/** How much the properties of rows take that lie in chunks. */
function chunkBytesOf(rows: readonly Row[]): number {
  let sum = 0;
  for (const { properties, propertiesEncoding } of rows) {
    if (propertiesEncoding !== 'chunks/1') continue;
    const { bytes } = JSON.parse(properties) as { readonly bytes: number }; // the module checked its form
    sum += bytes;
  }
  return sum;
}

/** Whether a patch changes properties that are, or would be, too large to be changed one by one. */
function isWhole({ propertiesEncoding }: Row, { properties, removeProperties }: EntityPatch): boolean {
  if (properties === undefined && removeProperties === undefined) return false;
  if (propertiesEncoding === 'chunks/1') return true;
  return properties !== undefined && utf8Length(stringify(properties)) > MAX_INLINE_VALUE_BYTES / 4;
}
