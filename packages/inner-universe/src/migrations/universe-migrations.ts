/*
 * Migrations of an application's data. Invariants:
 * - what a step changes, and where it leaves the migration, is one transaction: however a process ends, the next one goes
 *   on from there, and two at the same time take each step once;
 * - a row that is changed by others meanwhile is looked at again as it is then; one that this migration has changed is
 *   not changed by it again;
 * - memory is bounded by a page, and a step by what one request takes.
 */
import { MAX_REQUEST_BYTES, type Op } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { opByteLength } from '../client/op-size.ts';
import type { CallOptions } from '../connection/connection.ts';
import { CALL_OPTION_FORMS, checkCallOptions, checkOptions, type OptionForm } from '../controller/check-options.ts';
import type { Encryption } from '../encryption/encryption.ts';
import { NervPersistenceError, refusalOf } from '../errors.ts';
import { defineMigrations, type DataMigration } from './define-migrations.ts';
import { partsOf, signatureOf } from './migration-parts.ts';
import {
  checkRecorded,
  OUT_OF_ORDER,
  requireSame,
  type OutOfOrder,
  type RecordedMigrations,
} from './recorded-definitions.ts';
import { planMigration, type DataMigrationPlan, type PlanOptions } from './migration-plan.ts';
import {
  authorOf,
  findChanged,
  makeMoveOp,
  makeNoteOp,
  makeRecordOp,
  makeRemovalOps,
  readRecords,
  tryReadRecord,
  type MigrationPart,
  type MigrationPosition,
  type MigrationRecord,
} from './migration-record.ts';
import { RowChanges, type RowPage } from './row-changes.ts';
import { StateChanges } from './state-changes.ts';

/** How far a data migration is. */
export interface DataMigrationStatus {
  readonly id: string;
  readonly state: 'pending' | 'running' | 'done';
  /** Rows and branches that were looked at, and that were changed. */
  readonly read: number;
  readonly changed: number;
  /** What it is at: `entity person`, `relation knows`, `state cart/main`; undefined where it is at nothing. */
  readonly part: string | undefined;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
}

/** How to migrate data. */
export interface MigrateDataOptions extends CallOptions {
  /** Told after each step; what it throws ends migrating. */
  readonly onProgress?: ((progress: DataMigrationStatus) => void) | undefined;
  /** The most rows of one step, up to 900. Default 200. */
  readonly rowsMax?: number | undefined;
  /** What becomes of one that is not begun, and stands before one that is done. Default `'refuse'`. */
  readonly outOfOrder?: OutOfOrder | undefined;
}

/** What was migrated by this call. */
export interface DataMigrationReport {
  /** Where each migration stands now: done. */
  readonly migrations: readonly DataMigrationStatus[];
  /** Those that were not done before. */
  readonly applied: readonly string[];
}

const APPLY_FORMS: { readonly [Name in keyof Required<MigrateDataOptions>]: OptionForm } = {
  ...CALL_OPTION_FORMS,
  onProgress: 'function',
  rowsMax: 'any', // its bounds are checked
  outOfOrder: OUT_OF_ORDER,
};
const PLAN_FORMS: { readonly [Name in keyof Required<PlanOptions>]: OptionForm } = {
  ...CALL_OPTION_FORMS,
  outOfOrder: OUT_OF_ORDER,
  samplesMax: 'count',
  onProgress: 'function',
};
const ROWS_MAX = 200;
/** With its note and its record a step is within what one request takes. */
const STEP_ROWS_MAX = 900;
/** What a step's own ops may take of a request beside the rows it changes. */
const RESERVED_BYTES = 65_536;
/** Attempts of one step in a row that somebody else came before. */
const ATTEMPTS_MAX = 100;
/** Refusals that say that somebody else was faster. */
const CONTENDED: ReadonlySet<string> = new Set([
  'entity/seq-mismatch',
  'relation/seq-mismatch',
  'entity/id-taken',
  'entity/not-found',
  'relation/not-found',
  'state/version-conflict',
]);

/** What one step writes. */
interface Step {
  readonly chunks: readonly Op[];
  readonly ops: readonly Op[];
  /** How many rows or branches it changes. */
  readonly changed: number;
  /** It does not fit into one request. */
  readonly isTooLarge: boolean;
}

/** The data migrations of a universe: each runs once in it, whoever applies it, and however often. */
export class UniverseMigrations {
  readonly #client: ModuleClient;
  readonly #rows: RowChanges;
  readonly #states: StateChanges;

  constructor(client: ModuleClient, encryption?: Encryption) {
    this.#client = client;
    this.#rows = new RowChanges(client, encryption?.graph);
    this.#states = new StateChanges(client, encryption);
  }

  /**
   * What `apply` would change, with samples; changes nothing. Each migration is tried on the data as those before it will
   * leave them. Costs as much reading as applying. `timeoutMs` is for each call.
   * @throws {NervPersistenceError} `migration/invalid`, `migration/changed`, `migration/out-of-order`,
   * `migration/function-failed`; what reading throws
   */
  async plan(migrations: readonly DataMigration[], options: PlanOptions = {}): Promise<readonly DataMigrationPlan[]> {
    checkOptions('migrations.plan', options, PLAN_FORMS);
    const { outOfOrder = 'refuse', signal, timeoutMs } = options;
    const defined = defineMigrations(migrations);
    const recorded = await this.#recorded(defined, outOfOrder, { signal, timeoutMs });
    const plans: DataMigrationPlan[] = [];
    const earlier: DataMigration[] = [];
    const parts = { rows: this.#rows, states: this.#states };
    for (const migration of defined) {
      const record = recorded.get(migration.id);
      plans.push(await planMigration(parts, { migration, record, earlier }, options));
      if (record?.position.state !== 'done') earlier.push(migration);
    }
    return plans;
  }

  /**
   * Applies the migrations that are not done, in order, in bounded steps. It may be called off, or end in any way, and be
   * called again: it goes on where it was. Needs the right to change all of it, and, except for the owner, to read and
   * write entities in the scope `$migrations`. `timeoutMs` is for each call.
   * @throws {NervPersistenceError} `migration/invalid`, `migration/changed`, `migration/out-of-order`,
   * `migration/function-failed`, `migration/contended`; refusals of the module; `connection/*`; the signal's reason
   */
  async apply(migrations: readonly DataMigration[], options: MigrateDataOptions = {}): Promise<DataMigrationReport> {
    checkOptions('migrations.apply', options, APPLY_FORMS);
    const { onProgress, rowsMax = ROWS_MAX, outOfOrder = 'refuse', ...call } = options;
    if (!Number.isInteger(rowsMax) || rowsMax < 1 || rowsMax > STEP_ROWS_MAX) {
      throw new NervPersistenceError(
        'migration/invalid',
        `rowsMax is a whole number from 1 to ${STEP_ROWS_MAX}, not ${String(rowsMax)}. Nothing was changed.`,
        { details: { rowsMax } },
      );
    }
    const applied: string[] = [];
    const states: DataMigrationStatus[] = [];
    const defined = defineMigrations(migrations);
    await this.#recorded(defined, outOfOrder, call);
    for (const migration of defined) {
      const before = await tryReadRecord(this.#client, migration.id, call);
      const run = new MigrationRun({ client: this.#client, rows: this.#rows, states: this.#states, migration, call });
      const record = before?.position.state === 'done' ? before : await run.toEnd(rowsMax, onProgress);
      if (record !== before) {
        applied.push(migration.id);
        this.#tell(record);
      }
      states.push(statusOf(record));
    }
    return { migrations: states, applied };
  }

  /** What is recorded of them. @throws `migration/changed`, `migration/out-of-order` */
  async #recorded(
    migrations: readonly DataMigration[],
    outOfOrder: OutOfOrder,
    call: CallOptions,
  ): Promise<RecordedMigrations> {
    const records = await readRecords(this.#client, call);
    const recorded = new Map(records.map((record) => [record.migration, record]));
    checkRecorded(migrations, recorded, outOfOrder);
    return recorded;
  }

  #tell({ migration, position: { read, changed } }: MigrationRecord): void {
    const text = `The data migration '${migration}' is done: ${changed} of ${read} rows and branches were changed.`;
    this.#client.telemetry.log('info', text, { database: this.#client.database, migration, read, changed });
  }

  /** Where each of the migrations stands; without any, of all that were ever begun here. */
  async status(migrations?: readonly DataMigration[], call: CallOptions = {}): Promise<readonly DataMigrationStatus[]> {
    checkCallOptions('migrations.status', call);
    const records = await readRecords(this.#client, call);
    if (migrations === undefined) return records.map(statusOf);
    return defineMigrations(migrations).map(({ id }) => {
      const record = records.find(({ migration }) => migration === id);
      return record === undefined ? makePending(id) : statusOf(record);
    });
  }
}

interface RunParts {
  readonly client: ModuleClient;
  readonly rows: RowChanges;
  readonly states: StateChanges;
  readonly migration: DataMigration;
  readonly call: CallOptions;
}

/** One migration while it is applied from here. */
class MigrationRun {
  readonly #parts: RunParts;
  #limit = ROWS_MAX;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async toEnd(rowsMax: number, onProgress?: (progress: DataMigrationStatus) => void): Promise<MigrationRecord> {
    this.#limit = rowsMax;
    let attempts = 0;
    let seq: bigint | undefined;
    for (;;) {
      this.#parts.call.signal?.throwIfAborted();
      const record = await this.#open();
      if (record !== undefined && record.seq !== seq) {
        attempts = 0;
        seq = record.seq;
        onProgress?.(statusOf(record));
      }
      if (record?.position.state === 'done') return record;
      try {
        if (record === undefined) await this.#begin();
        else if (await this.#step(record)) this.#limit = Math.min(rowsMax, this.#limit * 2);
      } catch (error) {
        attempts += 1;
        if (!CONTENDED.has(refusalOf(error)?.code ?? '')) throw error;
        if (attempts === ATTEMPTS_MAX) throw makeContended(this.#parts.migration.id, error);
        this.#limit = Math.max(1, this.#limit >> 1);
      }
    }
  }

  /** @throws `migration/changed` where it was begun as something else */
  async #open(): Promise<MigrationRecord | undefined> {
    const { client, migration, call } = this.#parts;
    const record = await tryReadRecord(client, migration.id, call);
    if (record !== undefined) requireSame(record, migration);
    return record;
  }

  async #begin(): Promise<void> {
    const { client, migration, states, call } = this.#parts;
    const position: MigrationPosition = {
      state: 'running',
      parts: await partsOf(migration, states, call),
      defined: signatureOf(migration),
      version: migration.version ?? 1,
      part: 0,
      cursor: '',
      through: '',
      read: 0,
      changed: 0,
      notes: 0,
      startedAtMs: Number(client.clock.nowMicros() / 1000n),
      finishedAtMs: 0,
    };
    await client.apply([makeRecordOp(client, migration.id, position)], call);
  }

  /** Takes a step; false where fewer rows have to be taken at once. */
  async #step(record: MigrationRecord): Promise<boolean> {
    const part = record.position.parts[record.position.part];
    const step =
      record.position.state === 'cleaning' || part === undefined
        ? await this.#clean(record)
        : part.kind === 'state'
          ? await this.#stepState(record, part)
          : await this.#stepRows(record, part);
    if (step.isTooLarge && this.#limit > 1) {
      this.#limit = Math.max(1, this.#limit >> 1);
      return false;
    }
    const { client, call } = this.#parts;
    for (const chunk of step.chunks) await client.apply([chunk], call);
    await client.apply(step.ops, call);
    client.telemetry.count('migrations.changed', step.changed, { migration: record.migration });
    return true;
  }

  async #stepRows(record: MigrationRecord, part: Extract<MigrationPart, { readonly type: string }>): Promise<Step> {
    const { client, rows, migration, call } = this.#parts;
    const { position } = record;
    const page = await rows.readPage(part, position.cursor, this.#limit, call);
    const through = position.through === '' ? page.seq : BigInt(position.through);
    const open = await this.#notChanged(record, part, page, through);
    const changes = await rows.find(migration, { part, rows: open }, { call });
    const { ops, chunks } = await rows.make(migration.id, part, changes);
    const read = position.read + open.length;
    const next = page.more
      ? { cursor: page.cursor, through: through.toString() }
      : { part: position.part + 1, cursor: '', through: '' };
    if (changes.length === 0) return makeStep([makeMoveOp(client, record, { ...next, read })]);
    const moved = { ...next, read, changed: position.changed + changes.length, notes: position.notes + 1 };
    const ids = changes.map(({ stored }) => stored.id);
    const note = makeNoteOp(client, record, { kind: part.kind, ids });
    return makeStep([makeMoveOp(client, record, moved), note, ...ops], chunks, changes.length);
  }

  /**
   * The rows of a page that this migration has not changed yet. What it changed comes again, because pages are in the
   * order of changes: such a row has its label, unless somebody has changed it since; then the notes say it.
   */
  async #notChanged(
    { migration }: MigrationRecord,
    { kind }: Extract<MigrationPart, { readonly type: string }>,
    { rows }: RowPage,
    through: bigint,
  ): Promise<RowPage['rows']> {
    const label = authorOf(migration);
    const isLabelled = ({ seq, author }: RowPage['rows'][number]): boolean => seq > through && author === label;
    const ids = rows.filter((row) => row.seq > through && !isLabelled(row)).map(({ id }) => id);
    const { client, call } = this.#parts;
    const changed = await findChanged(client, { migration, kind, ids }, call);
    return rows.filter((row) => !isLabelled(row) && !changed.has(row.id));
  }

  async #stepState(record: MigrationRecord, part: Extract<MigrationPart, { readonly kind: 'state' }>): Promise<Step> {
    const { client, states, migration, call } = this.#parts;
    const { position } = record;
    const moved = { part: position.part + 1, read: position.read + 1 };
    const change = await states.find(migration, part, { call });
    if (change === undefined) return makeStep([makeMoveOp(client, record, moved)]);
    const { ops, chunks } = states.make(migration, part, change);
    return makeStep([makeMoveOp(client, record, { ...moved, changed: position.changed + 1 }), ...ops], chunks, 1);
  }

  /** All is changed: removes the notes, and ends when there are none. */
  async #clean(record: MigrationRecord): Promise<Step> {
    const { client, call } = this.#parts;
    const removals = await makeRemovalOps(client, record, call);
    const finishedAtMs = Number(client.clock.nowMicros() / 1000n);
    const moved = removals.length > 0 ? { state: 'cleaning' as const } : { state: 'done' as const, finishedAtMs };
    return makeStep([makeMoveOp(client, record, moved), ...removals]);
  }
}

function makeStep(ops: readonly Op[], chunks: readonly Op[] = [], changed = 0): Step {
  const bytes = ops.reduce((sum, op) => sum + opByteLength(op), 0);
  return { ops, chunks, changed, isTooLarge: bytes > MAX_REQUEST_BYTES - RESERVED_BYTES };
}

function statusOf({ migration, position }: MigrationRecord): DataMigrationStatus {
  const { state, read, changed, parts, part, startedAtMs, finishedAtMs } = position;
  const isDone = state === 'done';
  return {
    id: migration,
    state: isDone ? 'done' : 'running',
    read,
    changed,
    part: isDone ? undefined : describePart(parts[part]),
    startedAt: new Date(startedAtMs),
    finishedAt: isDone ? new Date(finishedAtMs) : undefined,
  };
}

function makePending(id: string): DataMigrationStatus {
  return { id, state: 'pending', read: 0, changed: 0, part: undefined, startedAt: undefined, finishedAt: undefined };
}

/** A part as people are told of it. */
function describePart(part: MigrationPart | undefined): string | undefined {
  if (part === undefined) return undefined;
  return part.kind === 'state' ? `state ${part.store}/${part.branch}` : `${part.kind} ${part.type}`;
}

function makeContended(migration: string, cause: unknown): NervPersistenceError {
  return new NervPersistenceError(
    'migration/contended',
    `What migration '${migration}' changes was changed by others ${ATTEMPTS_MAX} times in a row. Apply it again when less is written there: it goes on where it was.`,
    { details: { migration, attempts: ATTEMPTS_MAX }, cause, retryable: true },
  );
}
