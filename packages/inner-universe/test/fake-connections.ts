import { CODE_VERSION } from '@inner-universe/module/wire';
import type {
  CallOptions,
  Connection,
  ConnectionEnd,
  Connector,
  RowChange,
  SubscriptionRequest,
  WireRow,
} from '../src/connection/connection.ts';
import type { Waiting } from '../src/connection/link.ts';
import { CallTable } from '../src/connection/call-table.ts';

/** Answers the procedures and reducers of a fake connection. */
export type Answer = (name: string, args: never) => unknown;

/** A connection without a server: a test answers its calls and pushes its rows. */
export class FakeConnection implements Connection {
  readonly identity: string;
  readonly connectionId = '';
  readonly token = undefined;
  readonly ended: Promise<ConnectionEnd>;
  readonly subscriptions = new Map<SubscriptionRequest, boolean>();
  readonly calls = new CallTable();
  readonly #answer: Answer;
  #end: (end: ConnectionEnd) => void = () => undefined;
  isOpen = true;

  constructor(answer: Answer = () => undefined, identity = 'e'.repeat(64)) {
    this.#answer = answer;
    this.identity = identity;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  async callReducer(name: string, args: object, options?: CallOptions): Promise<void> {
    await this.callProcedure(name, args, options);
  }

  callProcedure(name: string, args: object, options?: CallOptions): Promise<unknown> {
    return this.calls.run(name, async () => this.#answer(name, args as never), options);
  }

  async subscribe(request: SubscriptionRequest): Promise<{ close(): void }> {
    this.subscriptions.set(request, true);
    return { close: () => void this.subscriptions.delete(request) };
  }

  /** Hands rows to whoever subscribed to the table, as one message does. */
  push(table: string, ...rows: readonly object[]): void {
    for (const row of rows) {
      for (const { tables, onChange } of this.subscriptions.keys()) {
        if (tables.includes(table)) onChange({ type: 'inserted', table, row: row as WireRow } satisfies RowChange);
      }
    }
  }

  rows(table: string): readonly WireRow[] {
    const version = {
      codeVersion: CODE_VERSION,
      dataVersion: CODE_VERSION,
      oldestClient: CODE_VERSION,
      release: 'test',
    };
    return table === 'schemaVersion' ? [version] : [];
  }

  abandon(cause: Error): void {
    this.lose(cause);
  }

  /** As when the other side goes away. */
  lose(cause = new Error('lost')): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.calls.end(cause, false);
    this.#end({ requested: false, cause });
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.calls.end(undefined, true);
    this.#end({ requested: true, cause: undefined });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A connector whose attempts a test decides, one after the other. */
export class FakeConnector implements Connector {
  readonly target = 'a test';
  readonly connections: FakeConnection[] = [];
  attempts = 0;
  /** What the next attempts meet: an error to throw, or nothing. */
  failures: unknown[] = [];
  /** What every attempt meets when `failures` is empty; undefined: it succeeds. */
  failure: unknown;
  /** Who the next connections are. */
  identity: string | undefined;
  readonly #answer: Answer | undefined;

  constructor(answer?: Answer) {
    this.#answer = answer;
  }

  async connect(options: CallOptions = {}): Promise<Connection> {
    this.attempts += 1;
    options.signal?.throwIfAborted();
    const failure = this.failures.length > 0 ? this.failures.shift() : this.failure;
    if (failure !== undefined) throw failure;
    const connection = new FakeConnection(this.#answer, this.identity);
    this.connections.push(connection);
    return connection;
  }

  /** The connection that is open. */
  get open(): FakeConnection[] {
    return this.connections.filter(({ isOpen }) => isOpen);
  }
}

/** Time that passes only where somebody waits for it. */
export class FakeWaiting implements Waiting {
  readonly delaysMs: number[] = [];
  #nowMs = 0;

  /** Takes no time at all, but for the clock. */
  async sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.delaysMs.push(delayMs);
    this.#nowMs += delayMs;
    await new Promise((resolve) => setImmediate(resolve));
  }

  random(): number {
    return 0.5;
  }

  nowMs(): number {
    return this.#nowMs;
  }
}
