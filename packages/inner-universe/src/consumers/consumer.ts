import type { ConsumerPartitionRow } from '@inner-universe/module/wire';
import { systemTimers } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, runWithin, type CallRunner } from '../connection/run-within.ts';
import { CALL_OPTION_FORMS, checkCallOptions, checkOptions, type OptionForm } from '../controller/check-options.ts';
import { NervPersistenceError } from '../errors.ts';
import type { ArchivedLog } from './archived-log.ts';
import { Backoff } from './backoff.ts';
import { Bell } from './bell.ts';
import { countUnhandled, sumOf } from './consumer-lag.ts';
import { ConsumerWorker } from './consumer-worker.ts';
import type { TransactionParts } from './consumer-transaction.ts';
import { readStatus, type ConsumerStatus } from './consumer-status.ts';
import { DeadLetters } from './dead-letters.ts';
import type { ConsumerDefinition, ConsumerPosition, WorkerOptions } from './definition.ts';
import { Handover, type ConsumerDelivery } from './delivery.ts';
import type { ConsumerHandler } from './event-handling.ts';
import type { EventSource } from '../events/event-row.ts';
import { requireHandler } from '../events/require-handler.ts';
import { cut, describeFailure } from './failure-reason.ts';
import { Gate } from './gate.ts';
import { LogPass, type OnTrimmed, type PassTarget } from './log-pass.ts';
import { findPosition } from './log-position.ts';
import { OpSender } from './op-sender.ts';
import { PartitionRun } from './partition-run.ts';
import type { ModuleClient } from '../client/client.ts';

/** What consumers are made with. */
export interface ConsumerParts {
  readonly client: ModuleClient;
  readonly source: EventSource;
  readonly transactions: TransactionParts;
  /** Where events lie that were trimmed, if a consumer says nothing else. */
  readonly archive?: ArchivedLog | undefined;
  readonly onError: (error: unknown) => void;
}

/** How a run may be ended. */
export interface RunOptions {
  /** When aborted, what is being handled is finished, and the run ends. */
  readonly signal?: AbortSignal | undefined;
  /** How long it runs, in milliseconds; then it ends as when the signal is aborted. Default: until it is ended. */
  readonly timeoutMs?: number | undefined;
}

/** What is moved, and how the call may be called off. */
export interface SeekOptions extends CallOptions {
  /** One partition; without it, all. */
  readonly partition?: number | undefined;
}

const SEEK_FORMS: { readonly [Name in keyof Required<SeekOptions>]: OptionForm } = {
  ...CALL_OPTION_FORMS,
  partition: 'count',
};

/** Refuses a partition that is mistyped: all would be moved. @throws {NervPersistenceError} `config/invalid` */
export function checkSeekOptions(options: SeekOptions): void {
  checkOptions('consumer.seek', options, SEEK_FORMS);
}

const LEASE_MS = 30_000;
/** How long a run that is to end waits for the server's answers once nothing is being handled. */
const LEAVE_MS = 2_000;

/** One worker of a named, durable subscription. Runs as long as somebody handles its events. */
export class Consumer implements AsyncIterable<ConsumerDelivery>, AsyncDisposable {
  readonly definition: ConsumerDefinition;
  /** The label under which this worker takes part. */
  readonly holder: string;
  readonly deadLetters: DeadLetters;
  readonly #parts: ConsumerParts;
  readonly #options: WorkerOptions;
  readonly #onClosed: () => void;
  readonly #within: CallRunner;
  #worker: ConsumerWorker | undefined;
  #running: Promise<void> | undefined;
  /** Settled when the last run has left, which may be after it has ended. */
  #leaving: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Use `universe.consumers.open`. */
  constructor(
    parts: ConsumerParts,
    definition: ConsumerDefinition,
    options: WorkerOptions & { readonly onClosed: () => void },
  ) {
    const { client } = parts;
    this.#parts = parts;
    this.#options = options;
    this.#onClosed = options.onClosed;
    this.#within = makeCallRunner('consumer', client.timers);
    this.definition = definition;
    const id = client.ids.nextId();
    this.holder = options.holder === undefined ? id : `${options.holder.slice(0, HOLDER_LENGTH_MAX)}/${id}`;
    this.deadLetters = new DeadLetters(client, definition.name, () => this.#worker?.review());
    // Wrong options are told here, and not by the first failure.
    this.#makeRetry();
  }

  get name(): string {
    return this.definition.name;
  }

  /** The partitions that this worker holds now. */
  get held(): readonly number[] {
    return [...(this.#worker?.runs.keys() ?? [])].sort((left, right) => left - right);
  }

  /**
   * Handles events until the signal is aborted or the consumer is closed. What the handler does through its transaction
   * is done exactly once; effects anywhere else are at least once, with the event's id as idempotency key. Called off, it
   * waits for what is being handled, and two seconds for the server; what has no answer then goes on behind it, or is
   * left to the lease.
   * @throws {NervError} `event/invalid` for a handler that is no function; {NervPersistenceError} `consumer/running` when
   * it is running already, `consumer/closed`; what ends it: `event/trimmed`, `permission/denied`, `consumer/not-found`,
   * an end of the connection that is final
   */
  async run(handler: ConsumerHandler, options: RunOptions = {}): Promise<void> {
    requireHandler(handler);
    checkOptions('consumer.run', options, CALL_OPTION_FORMS);
    this.#assertIdle();
    if (options.signal?.aborted === true) return;
    const running = this.#run(handler, options);
    // Whoever closes waits for it; why it ended is its caller's to know.
    this.#running = running.catch(() => undefined).finally(() => (this.#running = undefined));
    await running;
  }

  /**
   * Handles events in a loop. Each is handled when the next one is asked for; whoever leaves the loop has not handled
   * the last one, which comes again. One loop or `run` at a time.
   */
  [Symbol.asyncIterator](): AsyncGenerator<ConsumerDelivery, void, undefined> {
    return this.deliveries();
  }

  /** As a loop over the consumer, which ends when it is called off; the event at hand is handled when the loop goes on. */
  async *deliveries(options: RunOptions = {}): AsyncGenerator<ConsumerDelivery, void, undefined> {
    checkOptions('consumer.deliveries', options, CALL_OPTION_FORMS);
    const { signal, timeoutMs } = options;
    const handover = new Handover();
    const leaving = new AbortController();
    const leave = (): void => leaving.abort();
    if (signal?.aborted === true) leave();
    signal?.addEventListener('abort', leave, { once: true });
    let ended: { readonly error: unknown } | undefined;
    const give: ConsumerHandler = (event, transaction) => handover.give(event, transaction);
    const running = this.run(give, { signal: leaving.signal, timeoutMs })
      .catch((error: unknown) => void (ended = { error }))
      .finally(() => handover.close());
    try {
      for (let delivery = await handover.take(); delivery !== undefined; delivery = await handover.take())
        yield delivery;
    } finally {
      signal?.removeEventListener('abort', leave);
      handover.close();
      leaving.abort();
      await running;
    }
    if (ended !== undefined) throw (ended as { readonly error: unknown }).error;
  }

  /** How it stands, as the universe has it: offsets, holders, workers, lag. */
  status(call?: CallOptions): Promise<ConsumerStatus> {
    const { kind = 'application' } = this.#options;
    return this.#within('status', call, (signal) => readStatus(this.#parts.client, this.name, { kind, signal }));
  }

  /** The events of this consumer that are recorded and not handled yet, as `status` has it. */
  lag(call?: CallOptions): Promise<number> {
    return this.#within('lag', call, async (signal) => {
      const { client } = this.#parts;
      const asked = { name: this.name, cursor: '', limit: 1 };
      const { partitions, seq: throughSeq } = await client.read('readConsumers', asked, { signal });
      const afterSeqs = partitions.map(({ partition, offset }) => {
        const run = this.#worker?.runs.get(partition);
        // What was looked through and is nothing for us is stored later, and need not be looked through again.
        return run === undefined || run.handledSeq < offset ? offset : run.handledSeq;
      });
      const { kind = 'application' } = this.#options;
      return sumOf(await countUnhandled(client, { name: this.name, kind, afterSeqs, throughSeq }, { signal }));
    });
  }

  /**
   * Has events handled again, or leaves some out: goes on with the first event at or after the position. Whoever holds
   * a partition loses it, and claims it anew there; dead letters of events that come again are dropped.
   * @throws {NervPersistenceError} `permission/denied`, `config/invalid`, `event/trimmed`
   */
  async seek(position: ConsumerPosition, options: SeekOptions = {}): Promise<void> {
    checkSeekOptions(options);
    const { partition, ...call } = options;
    const onTrimmed = this.#onTrimmed;
    await this.#within('seek', call, (signal) =>
      seekConsumer(this.#parts.client, this.definition, { position, partition, onTrimmed, call: { signal } }),
    );
    this.#worker?.wake();
  }

  /**
   * Finishes what is being handled, gives the partitions back, and ends. Idempotent. When the call is called off, closing
   * goes on all the same.
   */
  async close(call: CallOptions = {}): Promise<void> {
    checkCallOptions('consumer.close', call);
    if (!this.#isClosed) this.#onClosed();
    this.#isClosed = true;
    this.#worker?.stop();
    await runWithin('consumer.close', call, async () => this.#running, this.#parts.client.timers);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #onTrimmed(): OnTrimmed {
    return this.#options.onTrimmed ?? trimmedBy(this.#parts);
  }

  #assertIdle(): void {
    if (this.#isClosed) {
      throw new NervPersistenceError(
        'consumer/closed',
        `The consumer '${this.name}' is closed. Open it again to run it.`,
      );
    }
    if (this.#running === undefined) return;
    throw new NervPersistenceError(
      'consumer/running',
      `This worker of '${this.name}' is running. Open the consumer once more for another worker.`,
    );
  }

  async #run(handler: ConsumerHandler, { signal, timeoutMs }: RunOptions): Promise<void> {
    const { pass, worker, gate } = this.#makeWorker(handler);
    const stop = (): void => worker.stop();
    const { timers = systemTimers } = this.#parts.client;
    const left = new Bell(timers);
    const leaving = this.#work(worker, pass).finally(() => left.ring());
    this.#leaving = leaving.catch(() => undefined);
    const called = async (): Promise<void> => {
      await worker.stopping;
      await gate.idle();
      await left.wait(LEAVE_MS);
      worker.throwFailure();
    };
    const cancel = timeoutMs === undefined ? undefined : timers.schedule(stop, timeoutMs);
    signal?.addEventListener('abort', stop, { once: true });
    this.#worker = worker;
    try {
      await Promise.race([leaving, called()]);
    } finally {
      this.#worker = undefined;
      cancel?.();
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Works until it is told to stop and has left. One at a time: they share a label. */
  async #work(worker: ConsumerWorker, pass: LogPass): Promise<void> {
    try {
      await this.#leaving;
      await worker.run();
    } finally {
      await pass.close();
    }
  }

  #makeWorker(handler: ConsumerHandler): { pass: LogPass; worker: ConsumerWorker; gate: Gate } {
    const { client, source, transactions, onError } = this.#parts;
    const { definition, holder } = this;
    const {
      concurrency = definition.partitions,
      batchMax = 1,
      leaseMs = LEASE_MS,
      kind = 'application',
    } = this.#options;
    const { describeFailure: describe = describeFailure } = this.#options;
    const onTrimmed = this.#onTrimmed;
    const { telemetry } = client;
    const gate = new Gate(concurrency);
    const handling = { handler, source, transactions, telemetry, gate };
    const sender = new OpSender(client);
    const retry = this.#makeRetry();
    const { scope, pattern, partitions } = definition;
    const onFailed = (error: unknown): void => worker.fail(error);
    const backoff = new Backoff({ delayMsMax: 5_000 }, client.ids);
    const onPassed = (): void => worker.passed();
    const reading = { client, name: definition.name, scope, pattern, partitions, kind };
    const isOutdated = (target: PassTarget): Promise<boolean> => worker.isOutdated(target);
    const pass = new LogPass({ ...reading, onTrimmed, onError, onPassed, isOutdated, onFailed, backoff });
    const shared = {
      client,
      definition,
      handling,
      sender,
      retry,
      batchMax,
      archive: typeof onTrimmed === 'object' ? onTrimmed.archive : undefined,
      describeFailure: (error: unknown) => cut(String(describe(error))),
      onError,
      onFailed,
      onRoom: () => pass.wake(),
      onDoubt: () => worker.wake(),
      onEnded: () => worker.wake(),
      onLettersDone: () => worker.review(),
    };
    const makeRun = (row: ConsumerPartitionRow): PartitionRun => new PartitionRun(shared, row);
    const worker = new ConsumerWorker({ client, definition, sender, pass, leaseMs, holder, makeRun });
    return { pass, worker, gate };
  }

  #makeRetry(): Backoff {
    return new Backoff(this.#options.retry ?? {}, this.#parts.client.ids);
  }
}

/** How much of a given label is kept: with the unique part, it is still a label of the module. */
const HOLDER_LENGTH_MAX = 30;

/** What is done about trimmed events where nothing is said. */
export function trimmedBy({ archive }: ConsumerParts): OnTrimmed {
  return archive === undefined ? 'error' : { archive };
}

/** Puts a consumer to a position. */
export async function seekConsumer(
  client: ModuleClient,
  { name, scope }: ConsumerDefinition,
  to: {
    readonly position: ConsumerPosition;
    readonly partition?: number | undefined;
    readonly onTrimmed: OnTrimmed;
    readonly call: CallOptions;
  },
): Promise<void> {
  const { onTrimmed, call, partition } = to;
  const toSeq = await findPosition(client, to.position, { scope, onTrimmed, call });
  await client.write([{ tag: 'seekConsumer', value: { name, partition, toSeq } }], call);
}
