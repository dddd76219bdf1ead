import type { Worker } from 'node:worker_threads';
import { unreachable } from '../assert.ts';
import type { Clock, Logger, Timers } from '../clock/clock.ts';
import type { Caller } from '../database/calls.ts';
import { errorMessage, HostError } from '../errors.ts';
import type { TransformCache } from '../module/program-loader.ts';
import type { ClientLink } from '../session/client-link.ts';
import { CLOSE_CODES } from '../session/close-codes.ts';
import type { ClientSession } from '../session/served-host.ts';
import type { SessionOptions } from '../session/session.ts';
import { HangWatch } from './hang-watch.ts';
import { Mailbox } from './mailbox.ts';
import type {
  DatabaseFacts,
  HostRequests,
  ItemFromWorker,
  ItemToWorker,
  WorkerOptions,
  WorkerRequests,
} from './messages.ts';
import { RemoteSession, type SessionThread } from './remote-session.ts';
import { answerRequest, Requester } from './requests.ts';
import { spawnWorker } from './spawn-worker.ts';
import { fromWireError } from './wire-error.ts';

/** What a thread is started with. */
export interface ThreadOptions {
  readonly worker: WorkerOptions;
  readonly heapMiB: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly transformCache: TransformCache;
}

/** Beyond twice the limit of a call, how long a worker may be silent: long work of the host itself is no hang. */
const HANG_SLACK_MS = 60_000;

/**
 * One life of a database in a worker, seen from the host's side.
 *
 * Invariants:
 * - Items of one session reach the other side in order; those of a session that is over are dropped.
 * - When the worker is gone, every request is rejected and every session ended, once.
 * - What is on its way in either direction is bounded per client, see `RemoteSession` and `SessionLimits`.
 */
export class DatabaseThread implements SessionThread {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #worker: Worker;
  readonly #outbox: Mailbox<ItemToWorker>;
  readonly #requests: Requester<WorkerRequests>;
  readonly #hostRequests: HostRequests;
  readonly #sessions: Map<number, RemoteSession> = new Map();
  /** What was sent to the worker and is not known to have been given to its session, the oldest first. */
  readonly #inFlight: { readonly session: RemoteSession; readonly bytes: number }[] = [];
  readonly #toReport: Set<RemoteSession> = new Set();
  readonly #exited: Promise<void>;
  readonly #opened: Promise<DatabaseFacts>;
  #settleOpened: { resolve(facts: DatabaseFacts): void; reject(error: Error): void } | undefined;
  #watch: HangWatch | undefined;
  #inFlightBytes = 0;
  #lastSession = 0;
  #logsTaken = 0;
  #failure: string | undefined;
  #isExpectedToEnd = false;
  #hasEnded = false;
  #onFacts: ((facts: DatabaseFacts) => void) | undefined;
  #onEnd: ((reason: string) => void) | undefined;

  constructor(options: ThreadOptions) {
    const { worker, clock, logger, timers } = options;
    this.name = worker.name;
    this.clock = clock;
    this.logger = logger;
    this.#hostRequests = {
      readTransform: (key) => options.transformCache.read(key),
      writeTransform: (key, text) => options.transformCache.write(key, text),
    };
    this.#opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject };
    });
    this.#worker = spawnWorker(worker, options.heapMiB);
    // At the end of the turn: what all clients sent in it travels as one message.
    this.#outbox = new Mailbox<ItemToWorker>(this.#worker, (flush) => timers.soon(flush));
    this.#requests = new Requester((item) => this.#outbox.push(item));
    this.#worker.on('message', (items: readonly ItemFromWorker[]) => this.#handle(items));
    this.#worker.on('error', (error) => (this.#failure ??= describeCrash(error, options.heapMiB)));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#noteExit();
        resolve();
      });
    });
    this.#opened.then(
      () => this.#startWatch(worker, timers),
      // Whoever opens the database is told.
      () => undefined,
    );
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Resolves when the database is open; rejects when it cannot be opened, with the error that opening it here gives. */
  get opened(): Promise<DatabaseFacts> {
    return this.#opened;
  }

  /** Calls back when another program took over, and when the thread ends unexpectedly after the database was open. */
  listen(onFacts: (facts: DatabaseFacts) => void, onEnd: (reason: string) => void): void {
    this.#onFacts = onFacts;
    this.#onEnd = onEnd;
  }

  /** The way to ask the worker. */
  get requests(): Requester<WorkerRequests> {
    return this.#requests;
  }

  open(link: ClientLink, options: SessionOptions): ClientSession {
    this.#lastSession += 1;
    const session = new RemoteSession(this.#lastSession, { caller: options.caller, link, thread: this });
    if (this.#hasEnded) {
      // It ended since the client was let in. Not at once: the link is only being made.
      queueMicrotask(() => session.end(CLOSE_CODES.restarting, 'the database is opened again; connect again'));
      return session;
    }
    this.#sessions.set(session.number, session);
    this.#outbox.push({ type: 'open', session: session.number, options });
    return session;
  }

  abandon(caller: Caller): void {
    this.#outbox.push({ type: 'abandon', caller });
  }

  /** Ends the sessions that are this thread's, the orderly way. */
  async finish(sessions: Iterable<ClientSession>): Promise<void> {
    const numbers: number[] = [];
    for (const session of sessions) {
      if (session instanceof RemoteSession && this.#sessions.get(session.number) === session)
        numbers.push(session.number);
    }
    if (numbers.length === 0) return;
    try {
      await this.#requests.ask('finish', numbers);
    } catch (error) {
      // With the thread its sessions have ended.
      if (!this.#hasEnded) throw error;
    }
  }

  /** Closes the database and ends the thread, also when closing fails. @throws {StorageError} */
  async close(): Promise<void> {
    try {
      await this.#requests.ask('close');
    } finally {
      await this.terminate();
    }
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    this.#isExpectedToEnd = true;
    await this.#worker.terminate();
    await this.#exited;
  }

  sendData(session: RemoteSession, bytes: Uint8Array): void {
    this.#inFlight.push({ session, bytes: bytes.length });
    this.#inFlightBytes += bytes.length;
    this.#outbox.push({ type: 'data', session: session.number, bytes: this.#outbox.copy([bytes]) });
  }

  sendFail(session: RemoteSession, code: number, reason: string): void {
    this.#outbox.push({ type: 'fail', session: session.number, code, reason });
  }

  sendLinkClosed(session: RemoteSession): void {
    this.#sessions.delete(session.number);
    this.#outbox.push({ type: 'link-closed', session: session.number });
  }

  reportLeft(session: RemoteSession): void {
    if (this.#toReport.size === 0) queueMicrotask(() => this.#sendReports());
    this.#toReport.add(session);
  }

  #sendReports(): void {
    for (const session of this.#toReport) {
      const bytes = session.takeLeftBytes();
      if (bytes !== undefined) this.#outbox.push({ type: 'left', session: session.number, bytes });
    }
    this.#toReport.clear();
  }

  #handle(items: readonly ItemFromWorker[]): void {
    this.#watch?.noteLife();
    for (const item of items) this.#handleOne(item);
    if (this.#logsTaken > 0) this.#outbox.push({ type: 'logged', count: this.#logsTaken });
    this.#logsTaken = 0;
  }

  #handleOne(item: ItemFromWorker): void {
    switch (item.type) {
      case 'data':
        this.#sessions.get(item.session)?.deliver(item.bytes);
        return;
      case 'close':
        this.#closeSession(item.session, item.code, item.reason);
        return;
      case 'pause':
      case 'resume':
        this.#sessions.get(item.session)?.setPausedByWorker(item.type === 'pause');
        return;
      case 'handled':
        this.#noteHandled(item.count);
        return;
      case 'log':
        this.#logsTaken += 1;
        this.logger.log(item.record);
        return;
      case 'answer':
      case 'refusal':
        this.#requests.settle(item);
        return;
      case 'ask':
        // It never rejects: errors are answers.
        void answerRequest({ ...this.#hostRequests }, item, (answer) => this.#outbox.push(answer));
        return;
      case 'ready':
        this.#settleOpened?.resolve(item.facts);
        return;
      case 'exchanged':
        this.#onFacts?.(item.facts);
        return;
      case 'not-opened':
        this.#settleOpened?.reject(fromWireError(item.error));
        return;
      case 'unsafe':
        this.#failure ??= `${item.error.message}, inside a system call: what is in memory may be half changed`;
        return;
      case 'pong':
        return;
      default:
        unreachable(item);
    }
  }

  #closeSession(number: number, code: number, reason: string): void {
    const session = this.#sessions.get(number);
    this.#sessions.delete(number);
    session?.end(code, reason);
  }

  #noteHandled(count: number): void {
    for (const { session, bytes } of this.#inFlight.splice(0, count)) {
      this.#inFlightBytes -= bytes;
      session.noteHandled(bytes);
    }
  }

  #startWatch({ callTimeLimitMs, procedureTimeLimitMs }: WorkerOptions, timers: Timers): void {
    const longestMs = Math.max(callTimeLimitMs, procedureTimeLimitMs);
    if (!Number.isFinite(longestMs) || this.#isExpectedToEnd) return;
    this.#watch = new HangWatch({
      timers,
      timeoutMs: 2 * longestMs + HANG_SLACK_MS,
      ping: () => this.#outbox.push({ type: 'ping' }),
      onHang: () => {
        this.#failure ??= 'it answers nothing any more';
        void this.#worker.terminate();
      },
    });
  }

  #noteExit(): void {
    this.#hasEnded = true;
    this.#watch?.stop();
    this.#outbox.close();
    const reason = this.#failure ?? 'it ended by itself';
    const error = new HostError({
      code: 'database/thread-ended',
      message: `the thread of the database "${this.name}" ended: ${reason}. Whether what was asked for last was done is not known; ask again.`,
      details: { name: this.name, reason },
      retryable: true,
    });
    this.#settleOpened?.reject(error);
    this.#requests.end(error);
    if (!this.#isExpectedToEnd) this.#onEnd?.(reason);
  }

  /** Ends what clients are left. */
  endSessions(code: number, reason: string): void {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) session.end(code, reason);
  }
}

function describeCrash(error: unknown, heapMiB: number): string {
  const isOutOfMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return isOutOfMemory ? `its JavaScript needed more memory than ${heapMiB} MiB` : errorMessage(error);
}
