import { CODE_VERSION, OLDEST_CLIENT, type EventFeedRow, type Op } from '@inner-universe/module/wire';
import { CallTable } from '../connection/call-table.ts';
import type {
  CallOptions,
  Connection,
  ConnectionEnd,
  ConnectionSubscription,
  Connector,
  SubscriptionRequest,
  WireRow,
} from '../connection/connection.ts';

/** What answers the calls of a mock's connection. */
export interface MockAnswers {
  apply(ops: readonly Op[]): Promise<void>;
  read(name: string, args: object): Promise<unknown>;
}

/** The identity that a mock's universe has, which is the owner's. */
export const MOCK_IDENTITY: bigint = BigInt(`0x${'c0ffee'.padEnd(64, '0')}`);

const SCHEMA_VERSION: WireRow = Object.freeze({
  id: 0,
  codeVersion: CODE_VERSION,
  dataVersion: CODE_VERSION,
  oldestClient: OLDEST_CLIENT,
  release: 'mock',
});

/** A connection to nothing: calls are answered here, and rows come from whoever pushes them. */
export class MockConnection implements Connection {
  readonly identity: string = MOCK_IDENTITY.toString(16).padStart(64, '0');
  readonly connectionId: string = '0'.repeat(32);
  readonly token: string | undefined = undefined;
  readonly ended: Promise<ConnectionEnd>;
  readonly #answers: MockAnswers;
  readonly #calls: CallTable = new CallTable();
  readonly #subscriptions: Set<SubscriptionRequest> = new Set();
  #end: (end: ConnectionEnd) => void = () => undefined;
  #isOpen = true;

  constructor(answers: MockAnswers) {
    this.#answers = answers;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async callReducer(name: string, args: object, options?: CallOptions): Promise<void> {
    // The module has one reducer that clients call, whose arguments this package makes.
    const { ops } = args as { readonly ops: readonly Op[] };
    await this.#calls.run(name, () => this.#answers.apply(ops.map(asWireOp)), options);
  }

  callProcedure(name: string, args: object, options?: CallOptions): Promise<unknown> {
    return this.#calls.run(name, () => this.#answers.read(name, args), options);
  }

  async subscribe(request: SubscriptionRequest): Promise<ConnectionSubscription> {
    this.#subscriptions.add(request);
    return { close: () => void this.#subscriptions.delete(request) };
  }

  rows(table: string): readonly WireRow[] {
    return table === 'schemaVersion' ? [SCHEMA_VERSION] : [];
  }

  /** Tells whoever follows the feed of events of one more. */
  push(row: EventFeedRow): void {
    for (const { tables, onChange } of [...this.#subscriptions]) {
      // A row of that table, as an index signature sees it.
      if (tables.includes('eventFeed')) onChange({ type: 'inserted', table: 'eventFeed', row: { ...row } });
    }
  }

  abandon(cause: Error): void {
    this.#close({ requested: false, cause });
  }

  async close(): Promise<void> {
    this.#close({ requested: true, cause: undefined });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #close(end: ConnectionEnd): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#subscriptions.clear();
    this.#calls.end(end.cause, end.requested);
    this.#end(end);
  }
}

/** Hands out connections of a mock. */
export class MockConnector implements Connector {
  readonly target = 'a mock';
  readonly #answers: MockAnswers;
  #connection: MockConnection | undefined;

  constructor(answers: MockAnswers) {
    this.#answers = answers;
  }

  async connect(options: CallOptions = {}): Promise<Connection> {
    options.signal?.throwIfAborted();
    this.#connection = new MockConnection(this.#answers);
    return this.#connection;
  }

  push(row: EventFeedRow): void {
    this.#connection?.push(row);
  }
}

/** The client names variants as the SDK's bindings do, with a capital. */
function asWireOp({ tag, value }: Op): Op {
  // The same op under the name that the wire has for it.
  return { tag: tag.charAt(0).toLowerCase() + tag.slice(1), value } as Op;
}
