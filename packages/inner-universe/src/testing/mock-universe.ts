import { makeWireTimestamp, type Op, type ReadEventsArguments, type ScopesResult } from '@inner-universe/module/wire';
import {
  systemClock,
  systemIds,
  type Clock,
  type EventKind,
  type IdSource,
  type PublishOptions,
} from '@inner-universe/nerv';
import { EntityGraph } from '@inner-universe/nerv/graph';
import { stringify } from '@inner-universe/nerv/values';
import { InnerUniverseClient } from '../client/inner-universe-client.ts';
import type { Waiting } from '../connection/link.ts';
import type { Consumers } from '../consumers/consumers.ts';
import { createConsumers } from '../consumers/create-consumers.ts';
import { InnerUniverseConfig } from '../controller/config.ts';
import { InnerUniverseController } from '../controller/controller.ts';
import { SpacetimeEventBus } from '../events/spacetime-event-bus.ts';
import type { LinkStatus } from '../connection/link-status.ts';
import type { Watchable } from '../connection/watched.ts';
import type { DataMigration } from '../migrations/define-migrations.ts';
import {
  UniverseMigrations,
  type DataMigrationReport,
  type MigrateDataOptions,
} from '../migrations/universe-migrations.ts';
import { UniverseMetrics } from '../observability/universe-metrics.ts';
import type { SpacetimeEntityGraph } from '../graph/spacetime-entity-graph.ts';
import type { StateStores } from '../temporal/state-stores.ts';
import type { Universe } from '../universe.ts';
import {
  MockCalls,
  MockError,
  record,
  type MockAnswer,
  type MockArguments,
  type MockCall,
  type MockOperation,
  type StubOptions,
} from './mock-calls.ts';
import { MOCK_IDENTITY, MockConnector } from './mock-connection.ts';
import { MockLog, type MockEvent } from './mock-log.ts';
import { MockStates } from './mock-states.ts';

/** What a mock is made with. Everything has a default. */
export interface MockUniverseOptions {
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  /** Default label of who publishes and commits. */
  readonly source?: string | undefined;
  /** Told what handlers throw. Default: the mock's `errors`. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** An event that comes from somewhere else. */
export interface SimulatedEventOptions extends Omit<PublishOptions, 'optimistic' | 'durability'> {
  /** Default `'durable'`. */
  readonly durability?: 'durable' | 'ephemeral' | undefined;
  /** Default `'application'`; `'system'` for what the module records of its own changes. */
  readonly kind?: EventKind | undefined;
}

/**
 * A universe without a host, for tests of code that uses one: NERV in memory, calls that are recorded, and answers that
 * the test gives. It has no module: nothing is checked against grants, limits or the module's own rules, nothing is
 * durable, nothing can be lost on the way, and there is one identity. Reads of the module and requests with other ops than
 * events are answered by stubs alone (`mock/not-stubbed`). What depends on any of it is tested with
 * `createTestUniverse`. The caller closes it.
 */
export function createMockInnerUniverse(options: MockUniverseOptions = {}): Promise<MockUniverse> {
  return MockUniverse.open(options);
}

/** What a mock's parts work with. */
interface MockParts {
  readonly calls: MockCalls;
  readonly log: MockLog;
  readonly client: InnerUniverseClient;
  readonly connector: MockConnector;
  readonly errors: unknown[];
  readonly onError: (error: unknown) => void;
  readonly source: string | undefined;
}

/** A universe without a host. Use `createMockInnerUniverse`. */
export class MockUniverse implements Universe {
  readonly controller: InnerUniverseController;
  readonly client: InnerUniverseClient;
  readonly events: SpacetimeEventBus;
  readonly states: StateStores;
  readonly graph: SpacetimeEntityGraph;
  /** The real ones, over the requests and reads of the mock: stub these, for a mock has no consumers. */
  readonly consumers: Consumers;
  /** The real ones, over the requests and reads of the mock, likewise. */
  readonly migrations: UniverseMigrations;
  /** Of a mock nothing is measured. */
  readonly metrics: UniverseMetrics = new UniverseMetrics();
  readonly status: Watchable<LinkStatus>;
  /** What handlers threw. */
  readonly errors: readonly unknown[];
  readonly #parts: MockParts;
  readonly #bus: SpacetimeEventBus;
  #closing: Promise<void> | undefined;

  private constructor(parts: MockParts) {
    const { calls, client, connector, onError, source } = parts;
    const { clock, ids } = client;
    this.#parts = parts;
    this.errors = parts.errors;
    this.client = client;
    this.status = client.status;
    this.controller = new InnerUniverseController(InnerUniverseConfig.from({ memory: true, source }), onError, {
      connector,
      host: undefined,
    });
    this.#bus = new SpacetimeEventBus(client, { onError, source });
    this.events = record(calls, 'events', this.#bus, { sync: EVENTS_SYNC });
    this.states = record(calls, 'states', new MockStates({ calls, clock, ids, onError }), { sync: new Set(['close']) });
    const graph = new EntityGraph({ clock, ids });
    const own = { loaded: graph, load: async () => undefined };
    this.graph = record(calls, 'graph', graph, { sync: GRAPH_SYNC, own });
    this.consumers = createConsumers(client, { onError, source });
    this.migrations = new UniverseMigrations(client);
  }

  /** As `createMockInnerUniverse`. */
  static async open(options: MockUniverseOptions): Promise<MockUniverse> {
    const { clock = systemClock, ids = systemIds, source } = options;
    const errors: unknown[] = [];
    const onError = options.onError ?? ((error: unknown) => void errors.push(error));
    const calls = new MockCalls();
    const log = new MockLog(clock);
    const connector = new MockConnector({
      apply: async (ops) => void (await calls.run('apply', [ops], () => apply(log, ops))),
      read: (name, args) => calls.run(name, [args], () => read(log, name, args)),
    });
    log.onRow((row) => connector.push(row));
    const client = await InnerUniverseClient.open({
      connector,
      database: 'mock',
      clock,
      ids,
      waiting: NO_WAITING,
      onError,
      // What a test sees of requests are the ops it wrote.
      batching: { requestsMax: 1 },
    });
    calls.clear();
    return new MockUniverse({ calls, log, client, connector, errors, onError, source });
  }

  migrate(migrations: readonly DataMigration[], options?: MigrateDataOptions): Promise<DataMigrationReport> {
    return this.migrations.apply(migrations, options);
  }

  /** What was called since the mock was made, or since `clearCalls`: operations, and requests and reads below them. */
  get calls(): readonly MockCall[] {
    return this.#parts.calls.all;
  }

  /** The arguments of each call of an operation. */
  callsOf<O extends MockOperation>(operation: O): readonly MockArguments<O>[] {
    // What was recorded under this name was called with these.
    return this.calls.filter((call) => call.operation === operation).map(({ args }) => args as MockArguments<O>);
  }

  /** Forgets the calls that were recorded. */
  clearCalls(): void {
    this.#parts.calls.clear();
  }

  /**
   * Answers an operation in place of the mock, by what the function returns or throws; nothing else happens then. The last
   * stub of an operation holds. The result takes it away.
   */
  stub<O extends MockOperation>(operation: O, answer: MockAnswer<O>, options?: StubOptions): () => void {
    return this.#parts.calls.stub(operation, answer, options);
  }

  /** An event as if it came from somebody else. Resolves with its id when the handlers have been called. */
  async simulateEvent(type: string, data?: unknown, options: SimulatedEventOptions = {}): Promise<string> {
    const { client, log } = this.#parts;
    const id = options.id ?? client.ids.nextId();
    log.write([makeEvent({ id, type, data, options }, client.clock)], { __identity__: MOCK_IDENTITY + 1n });
    // The feed hands rows on in a later step.
    await Promise.resolve();
    return id;
  }

  /** Ends subscriptions; whatever is called later is refused with `universe/closed`. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { client, calls } = this.#parts;
    await this.consumers.close();
    this.states.close();
    this.graph.loaded.close();
    await this.#bus.close();
    await client.close();
    calls.close();
  }
}

const EVENTS_SYNC: ReadonlySet<string> = new Set(['emit', 'subscribe', 'once', 'events', 'connect']);
const GRAPH_SYNC: ReadonlySet<string> = new Set(['subscribe', 'liveQuery', 'liveRelations']);

/** Connections of a mock are not lost: nobody waits for another. */
const NO_WAITING: Waiting = {
  sleep: (_delayMs, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  random: () => 0,
  nowMs: () => 0,
};

function apply(log: MockLog, ops: readonly Op[]): void {
  const events = ops.map((op) => {
    if (op.tag === 'publishEvent') return op.value;
    throw new MockError(
      'mock/not-stubbed',
      `A mock has no module that could apply '${op.tag}'. Answer requests with mock.stub('apply', (ops) => …), or use createTestUniverse().`,
      { details: { op: op.tag } },
    );
  });
  log.write(events, { __identity__: MOCK_IDENTITY });
}

function read(log: MockLog, name: string, args: object): unknown {
  // Whoever calls a read gives the arguments of its name.
  if (name === 'readEvents') return log.read(args as ReadEventsArguments);
  if (name === 'readScopes') {
    return { scopes: [], owner: { __identity__: MOCK_IDENTITY }, seq: log.seq } satisfies ScopesResult;
  }
  throw new MockError(
    'mock/not-stubbed',
    `A mock has no module that could answer '${name}'. Answer it with mock.stub('${name}', (args) => …), or use createTestUniverse().`,
    { details: { read: name } },
  );
}

function makeEvent(
  event: {
    readonly id: string;
    readonly type: string;
    readonly data: unknown;
    readonly options: SimulatedEventOptions;
  },
  clock: Clock,
): MockEvent {
  const { id, type, data, options } = event;
  const micros = options.timestamp === undefined ? clock.nowMicros() : BigInt(Math.round(options.timestamp * 1000));
  return {
    eventId: id,
    eventType: type,
    typeVersion: 1,
    kind: options.kind ?? 'application',
    scope: options.scope ?? 'main',
    source: options.source ?? '',
    partitionKey: options.partitionKey ?? '',
    authoredAt: makeWireTimestamp(micros),
    data: stringify(data),
    dataEncoding: 'json/1',
    metadata: stringify(options.metadata ?? {}),
    metadataEncoding: 'json/1',
    durability: options.durability ?? 'durable',
  };
}
