import type { Entity, EntityPatch, Relation } from '@inner-universe/nerv';
import type { JsonPatch } from '@inner-universe/nerv/temporal';
import type { CallOptions } from '../connection/connection.ts';
import type { DataMigration } from './define-migrations.ts';
import { partsOf } from './migration-parts.ts';
import type { OutOfOrder } from './recorded-definitions.ts';
import type { MigrationPart, MigrationRecord } from './migration-record.ts';
import type { RowChanges } from './row-changes.ts';
import type { StateChanges } from './state-changes.ts';

/** How to plan. */
export interface PlanOptions extends CallOptions {
  /** As in `apply`. */
  readonly outOfOrder?: OutOfOrder | undefined;
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
  readonly rows: RowChanges;
  readonly states: StateChanges;
}

const SAMPLES_MAX = 3;
const PAGE_ROWS = 1_000;

/**
 * Tries a migration, and changes nothing: on the data as they would be after the `earlier` ones that are not done. Each
 * function depends on its row alone, so these run on each row, or state, before it.
 */
export async function planMigration(
  { rows, states }: PlanParts,
  { migration, record, earlier }: Planned,
  options: PlanOptions,
): Promise<DataMigrationPlan> {
  const { samplesMax = SAMPLES_MAX, onProgress, signal, timeoutMs } = options;
  const call = { signal, timeoutMs };
  const { id } = migration;
  if (record?.position.state === 'done') return { id, state: 'done', parts: [] };
  const parts: PartPlan[] = [];
  let read = 0;
  for (const part of await partsOf(migration, states, call)) {
    call.signal?.throwIfAborted();
    const tell = (count: number): void => onProgress?.({ id, read: read + count });
    const plan =
      part.kind === 'state'
        ? await planState({ states, migration, earlier, samplesMax, call }, part)
        : await planRows({ rows, migration, earlier, samplesMax, call, tell }, part);
    read += plan.read;
    parts.push(plan);
  }
  return { id, state: record === undefined ? 'pending' : 'running', parts };
}

/** A migration that is planned. */
export interface Planned {
  readonly migration: DataMigration;
  /** Where it stands; undefined when nobody has begun it. */
  readonly record: MigrationRecord | undefined;
  /** Those before it that are not done, in order. */
  readonly earlier: readonly DataMigration[];
}

interface StatePlanning {
  readonly states: StateChanges;
  readonly migration: DataMigration;
  readonly earlier: readonly DataMigration[];
  readonly samplesMax: number;
  readonly call: CallOptions;
}

interface RowPlanning {
  readonly rows: RowChanges;
  readonly migration: DataMigration;
  readonly earlier: readonly DataMigration[];
  readonly samplesMax: number;
  readonly call: CallOptions;
  readonly tell: (read: number) => void;
}

async function planRows(
  { rows, migration, earlier, samplesMax, call, tell }: RowPlanning,
  part: Extract<MigrationPart, { readonly type: string }>,
): Promise<PartPlan> {
  const samples: ChangeSample[] = [];
  let [read, changed, cursor] = [0, 0, ''];
  for (;;) {
    call.signal?.throwIfAborted();
    const page = await rows.readPage(part, cursor, PAGE_ROWS, call);
    const changes = await rows.find(migration, { part, rows: page.rows }, { earlier, call });
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
  { states, migration, earlier, samplesMax, call }: StatePlanning,
  part: Extract<MigrationPart, { readonly kind: 'state' }>,
): Promise<PartPlan> {
  const change = await states.find(migration, part, { earlier, call });
  if (change === undefined) return { part, read: 1, changed: 0, samples: [] };
  const sample: ChangeSample = { type: 'state', head: change.head.id, patch: change.before.diff(change.after) };
  return { part, read: 1, changed: 1, samples: samplesMax > 0 ? [sample] : [] };
}
