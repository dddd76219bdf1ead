import type { Entity, EntityPatch, Relation } from '@inner-universe/nerv';
import type { JsonPatch } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import type { DataMigration } from './define-migrations.ts';
import { partsOf } from './migration-parts.ts';
import { tryReadRecord, type MigrationPart } from './migration-record.ts';
import type { RowChanges } from './row-changes.ts';
import type { StateChanges } from './state-changes.ts';

/** How to plan. */
export interface PlanOptions extends CallOptions {
  /** How many changes of each part are shown. Default 3. */
  readonly samplesMax?: number | undefined;
  /** Told after each page how many rows were looked at, all parts of the migration together. */
  readonly onProgress?: ((progress: { readonly id: string; readonly read: number }) => void) | undefined;
}

/** What a migration would do to one part. */
export interface PartPlan {
  readonly part: MigrationPart;
  /** Rows or branches that there are. */
  readonly read: number;
  readonly changed: number;
  readonly samples: readonly ChangeSample[];
}

/** One change as it would be made. */
export type ChangeSample =
  | { readonly type: 'row'; readonly before: Entity | Relation; readonly patch: EntityPatch }
  /** The changes as they would be recorded: sealed fields are sealed. */
  | { readonly type: 'state'; readonly head: string; readonly patch: JsonPatch };

/** What a migration would do. */
export interface DataMigrationPlan {
  readonly id: string;
  /** One that is running is shown from its beginning: what it has changed already counts if it would be changed again. */
  readonly state: 'pending' | 'running' | 'done';
  /** Empty for one that is done. */
  readonly parts: readonly PartPlan[];
}

interface PlanParts {
  readonly client: ModuleClient;
  readonly rows: RowChanges;
  readonly states: StateChanges;
}

const SAMPLES_MAX = 3;
const PAGE_ROWS = 1_000;

/** Tries a migration on the data as they are, and changes nothing. */
export async function planMigration(
  { client, rows, states }: PlanParts,
  migration: DataMigration,
  options: PlanOptions,
): Promise<DataMigrationPlan> {
  const { samplesMax = SAMPLES_MAX, onProgress, ...call } = options;
  const { id } = migration;
  const record = await tryReadRecord(client, id, call);
  if (record?.position.state === 'done') return { id, state: 'done', parts: [] };
  const parts: PartPlan[] = [];
  let read = 0;
  for (const part of await partsOf(migration, states, call)) {
    call.signal?.throwIfAborted();
    const tell = (count: number): void => onProgress?.({ id, read: read + count });
    const plan =
      part.kind === 'state'
        ? await planState(states, migration, part, samplesMax)
        : await planRows({ rows, migration, samplesMax, call, tell }, part);
    read += plan.read;
    parts.push(plan);
  }
  return { id, state: record === undefined ? 'pending' : 'running', parts };
}

interface RowPlanning {
  readonly rows: RowChanges;
  readonly migration: DataMigration;
  readonly samplesMax: number;
  readonly call: CallOptions;
  readonly tell: (read: number) => void;
}

async function planRows(
  { rows, migration, samplesMax, call, tell }: RowPlanning,
  part: Extract<MigrationPart, { readonly type: string }>,
): Promise<PartPlan> {
  const samples: ChangeSample[] = [];
  let [read, changed, cursor] = [0, 0, ''];
  for (;;) {
    call.signal?.throwIfAborted();
    const page = await rows.readPage(part, cursor, PAGE_ROWS, call);
    const changes = await rows.find(migration, part, page.rows);
    for (const { before, patch } of changes.slice(0, samplesMax - samples.length)) {
      samples.push({ type: 'row', before, patch });
    }
    read += page.rows.length;
    changed += changes.length;
    tell(read);
    if (!page.more) return { part, read, changed, samples };
    cursor = page.cursor;
  }
}

async function planState(
  states: StateChanges,
  migration: DataMigration,
  part: Extract<MigrationPart, { readonly kind: 'state' }>,
  samplesMax: number,
): Promise<PartPlan> {
  const change = await states.find(migration, part);
  if (change === undefined) return { part, read: 1, changed: 0, samples: [] };
  const sample: ChangeSample = { type: 'state', head: change.head.id, patch: change.before.diff(change.after) };
  return { part, read: 1, changed: 1, samples: samplesMax > 0 ? [sample] : [] };
}
