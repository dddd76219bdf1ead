import { BsatnReader } from '../../src/bsatn/reader.ts';
import { BsatnWriter } from '../../src/bsatn/writer.ts';
import type {
  Caller,
  CallResult,
  Commit,
  CommitKind,
  ConnectResult,
  ProcedureResult,
  ReducerOutcome,
} from '../../src/database/calls.ts';
import type { Row, StateView, TableDelta } from '../../src/datastore/state-view.ts';
import type { TableDef } from '../../src/schema/module-def.ts';
import { HostError } from '../../src/errors.ts';
import type { SessionDatabase } from '../../src/session/session-database.ts';

const makeTable = (id: number, name: string, extra: Partial<TableDef>): TableDef => ({
  id,
  name,
  accessor: name,
  columns: [{ name: 'value', accessor: 'value', algebraicType: { type: 'u32' } }],
  primaryKey: undefined,
  indexes: [],
  constraints: [],
  sequences: [],
  access: 'public',
  isEvent: false,
  isSystem: false,
  ...extra,
});

export const BAG = makeTable(4096, 'bag', {});
export const ALARM = makeTable(4097, 'alarm', { isEvent: true });
const SECRET = makeTable(4098, 'secret', { access: 'private' });
const NOTE = makeTable(4099, 'note', {
  columns: [{ name: 'text', accessor: 'text', algebraicType: { type: 'string' } }],
});
const TABLES = [BAG, ALARM, SECRET, NOTE];

export const OWNER = 0xc200_0000n;

/** The row of one u32 column. */
export const u32Row = (value: number): Row => {
  const writer = new BsatnWriter();
  writer.u32(value);
  return writer.toBytes();
};

export const textRow = (text: string): Row => {
  const writer = new BsatnWriter();
  writer.string(text);
  return writer.toBytes();
};

/**
 * A database without a module, with the same calls and the same order of events as the real one. Durability is what
 * the test says with `makeDurable`, unless it was made with `isDurable: true`.
 */
export class FakeDatabase implements SessionDatabase {
  readonly identity = 0xdbn;
  readonly owner = OWNER;
  readonly tables: readonly TableDef[] = TABLES;
  /** Every call and every event, in order. */
  readonly calls: string[] = [];
  readonly connected: Caller[] = [];
  readonly committed: StateView;
  /** Set to let `connect` refuse. */
  refusal: string | undefined;
  jwtPayloads: string[] = [];
  #rows = new Map<number, Row[]>(TABLES.map((table) => [table.id, []]));
  #listeners = new Set<(commit: Commit) => void>();
  #nextOffset = 0n;
  #durableOffset = 0n;
  #waiters: { offset: bigint; resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly #isDurable: boolean;
  #isCommitting = false;
  #writing: 'free' | 'behind' | 'failed' = 'free';
  #whenWritable: (() => void) | undefined;

  constructor({ isDurable = true } = {}) {
    this.#isDurable = isDurable;
    this.committed = {
      table: (id) => {
        const def = TABLES.find((table) => table.id === id)!;
        const rows = this.#rows.get(id)!;
        return { def, rowCount: rows.length, scan: () => [...rows], seek: () => [] };
      },
    };
  }

  get durableOffset(): bigint {
    return this.#isDurable ? this.#nextOffset : this.#durableOffset;
  }

  /** Set by `failForGood`. */
  failure: HostError | undefined;

  get writable(): boolean {
    return this.#writing === 'free';
  }

  whenWritable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#whenWritable = () => (this.#writing === 'free' ? resolve() : reject(new Error('the disk is full')));
      if (this.#writing !== 'behind') this.#whenWritable();
    });
  }

  /** Lets the storage be behind, catch up, or fail for good. */
  setWriting(writing: 'free' | 'behind' | 'failed'): void {
    this.#writing = writing;
    if (writing !== 'behind') this.#whenWritable?.();
  }

  status(): { nextOffset: bigint } {
    return { nextOffset: this.#nextOffset };
  }

  whenDurable(offset: bigint): Promise<void> {
    if (offset < this.durableOffset) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ offset, resolve, reject }));
  }

  /** Makes everything written so far durable. */
  makeDurable(): void {
    this.#durableOffset = this.#nextOffset;
    const waiters = this.#waiters.splice(0);
    for (const waiter of waiters) waiter.resolve();
  }

  failDurability(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error('the disk is full'));
  }

  /** The storage fails, as a database tells of it: what can be read from then on counts as durable. */
  failForGood(): void {
    this.failure = new HostError({ code: 'database/read-only', message: 'the disk is full' });
    this.#writing = 'failed';
    this.failDurability();
  }

  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connect(caller: Caller, jwtPayload: string): ConnectResult {
    this.calls.push(`connect ${caller.connectionId}`);
    if (this.refusal !== undefined) return { type: 'rejected', message: this.refusal };
    this.jwtPayloads.push(jwtPayload);
    this.connected.push(caller);
    return { type: 'accepted', offset: this.#commit('lifecycle', caller, []) };
  }

  disconnect(caller: Caller): void {
    if (this.#isCommitting) throw new Error('disconnect inside a commit');
    this.calls.push(`disconnect ${caller.connectionId}`);
    const at = this.connected.findIndex((one) => one.connectionId === caller.connectionId);
    if (at < 0) throw new Error('not connected');
    this.connected.splice(at, 1);
  }

  /** `add`, `remove` and `note` change a row; `alarm` sends an event; `nothing`, `refuse` and `trap` do as they say. */
  callReducer(caller: Caller, name: string, args: Uint8Array): CallResult {
    this.calls.push(`reducer ${name}`);
    const timestampMicros = 1000n;
    const failed = (outcome: ReducerOutcome): CallResult => ({ outcome, timestampMicros, offset: undefined });
    if (name === 'refuse') return failed({ type: 'failed-user', message: 'no' });
    if (name === 'trap') {
      return failed({ type: 'failed-internal', message: 'The instance encountered a fatal error.', reason: 'fatal' });
    }
    if (name === 'broken-host') throw new Error('a bug');
    const deltas = this.#change(name, args);
    if (deltas === undefined) {
      return failed({ type: 'failed-internal', message: 'no such reducer', reason: 'unknown-function' });
    }
    const offset = this.#commit('reducer', caller, deltas);
    return { outcome: { type: 'committed' }, timestampMicros, offset };
  }

  /** `echo` returns its arguments; `add` commits a row on its way; anything else fails. */
  callProcedure(caller: Caller, name: string, args: Uint8Array): ProcedureResult {
    this.calls.push(`procedure ${name}`);
    const times = { timestampMicros: 1000n, durationMicros: 3n };
    if (name === 'add') this.#commit('procedure', caller, this.#change('add', args)!);
    if (name === 'add' || name === 'echo') {
      return { outcome: { type: 'returned', bytes: args }, ...times, offset: undefined };
    }
    return {
      outcome: { type: 'failed', message: 'no such procedure', reason: 'unknown-function' },
      ...times,
      offset: undefined,
    };
  }

  /** A commit that comes from no connection, such as a scheduled reducer. */
  commitScheduled(value: number): void {
    this.#commit('scheduled', undefined, this.#change('add', u32Row(value))!);
  }

  #change(name: string, args: Uint8Array): TableDelta[] | undefined {
    if (name === 'nothing') return [];
    if (name === 'add') return [{ table: BAG, inserts: [args], deletes: [] }];
    if (name === 'remove') return [{ table: BAG, inserts: [], deletes: [args] }];
    if (name === 'note') return [{ table: NOTE, inserts: [args], deletes: [] }];
    if (name === 'alarm') return [{ table: ALARM, inserts: [args], deletes: [] }];
    if (name === 'add-range') {
      const reader = new BsatnReader(args);
      const inserts = Array.from({ length: reader.u32() }, (_, index) => u32Row(index));
      return [{ table: BAG, inserts, deletes: [] }];
    }
    return undefined;
  }

  #commit(kind: CommitKind, origin: Caller | undefined, deltas: readonly TableDelta[]): bigint {
    for (const { table, inserts, deletes } of deltas) {
      if (table.isEvent) continue;
      const gone = new Set(deletes.map((row) => Buffer.from(row).toString('hex')));
      const rows = this.#rows.get(table.id)!;
      const kept = gone.size === 0 ? rows : rows.filter((row) => !gone.has(Buffer.from(row).toString('hex')));
      this.#rows.set(table.id, [...kept, ...inserts]);
    }
    const offset = this.#nextOffset;
    this.#nextOffset += 1n;
    this.#isCommitting = true;
    const commit: Commit = { deltas, offset, timestampMicros: 1000n, origin, kind, functionName: undefined };
    for (const listener of this.#listeners) listener(commit);
    this.#isCommitting = false;
    return offset;
  }
}
