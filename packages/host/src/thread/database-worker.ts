import type { MessagePort } from 'node:worker_threads';
import { unreachable } from '../assert.ts';
import { systemClock, systemRandom, systemTimers } from '../clock/system-clock.ts';
import { onceWritable } from '../database/once-writable.ts';
import type { HostError } from '../errors.ts';
import { LocalDatabase } from '../hosted-database.ts';
import { CallCover } from '../module/realm/call-cover.ts';
import { cutAfterMs } from '../module/realm/time-limit.ts';
import { makeProgramLoader, type TransformCache } from '../module/program-loader.ts';
import type { ProgramLoader } from '../module/realm-port.ts';
import { BlockingHttpClient } from '../outbound-http/blocking-client.ts';
import { openStorage } from '../storage/open-storage.ts';
import { measureHeap } from './measure-heap.ts';
import { Mailbox } from './mailbox.ts';
import type {
  DatabaseFacts,
  HostRequests,
  ItemFromWorker,
  ItemToWorker,
  WorkerOptions,
  WorkerRequests,
} from './messages.ts';
import { RelayedLogger } from './relayed-logger.ts';
import { answerRequest, Requester } from './requests.ts';
import { toWireError } from './wire-error.ts';
import { WorkerSessions } from './worker-sessions.ts';

/** Runs one database in this thread for the host's side at the other end of `port`, until that ends the thread. */
export async function runDatabaseWorker(port: MessagePort, options: WorkerOptions): Promise<void> {
  const worker = new DatabaseWorker(port, options);
  await worker.open();
}

class DatabaseWorker {
  readonly #options: WorkerOptions;
  readonly #outbox: Mailbox<ItemFromWorker>;
  readonly #logger: RelayedLogger;
  readonly #host: Requester<HostRequests>;
  readonly #outboundHttp: BlockingHttpClient | undefined;
  #running: { readonly sessions: WorkerSessions; readonly requests: WorkerRequests } | undefined;

  constructor(port: MessagePort, options: WorkerOptions) {
    this.#options = options;
    const { outbound } = options;
    this.#outboundHttp = outbound && new BlockingHttpClient(outbound.policy, () => outbound.helperEntry);
    // After what this turn does and before the next input: one message for all clients of a turn.
    this.#outbox = new Mailbox<ItemFromWorker>(port, (flush) => queueMicrotask(flush));
    this.#logger = new RelayedLogger(this.#outbox);
    this.#host = new Requester((item) => this.#outbox.push(item));
    port.on('message', (items: readonly ItemToWorker[]) => this.#handle(items));
  }

  async open(): Promise<void> {
    try {
      const database = await this.#openDatabase();
      const sessions = new WorkerSessions(database.sessions, this.#outbox);
      this.#running = { sessions, requests: makeRequests(database, sessions, this.#outboundHttp) };
      database.database.onExchange(() => () => {
        this.#outbox.push({ type: 'exchanged', facts: readFacts(database) });
      });
      this.#outbox.push({ type: 'ready', facts: readFacts(database) });
    } catch (error) {
      this.#outbox.push({ type: 'not-opened', error: toWireError(error) });
    }
  }

  async #openDatabase(): Promise<LocalDatabase> {
    const { name, program, identity, owner, limits, strictCompat, hashSeed, slowCallMs, slowQueryMs } = this.#options;
    const { directory, sealing } = this.#options;
    return LocalDatabase.open({
      name,
      program,
      identity,
      owner,
      limits,
      strictCompat,
      hashSeed,
      slowCallMs,
      slowQueryMs,
      outboundHttp: this.#outboundHttp,
      storage: await openStorage({ directory, sealing, random: systemRandom }),
      clock: systemClock,
      timers: systemTimers,
      logger: this.#logger,
      ...this.#makeLoader(),
    });
  }

  /** Prepared bundles are kept by the host's side, which has its directory and shares them between databases. */
  #makeLoader(): { readonly programs: ProgramLoader; readonly cover: CallCover | undefined } {
    const cache: TransformCache = {
      read: (key) => this.#host.ask('readTransform', key),
      write: (key, text) => this.#host.ask('writeTransform', key, text),
    };
    const { callTimeLimitMs: callMs, procedureTimeLimitMs: procedureMs } = this.#options;
    if (!Number.isFinite(callMs)) return { programs: makeProgramLoader(cache), cover: undefined };
    const onUnsafe = (error: HostError): never => this.#endUnsafe(error);
    const cover = new CallCover(cutAfterMs(callMs, {}), onUnsafe);
    const timeLimits = { callMs, procedureMs, onUnsafe, cover };
    return { programs: makeProgramLoader(cache, { timeLimits }), cover };
  }

  /** The tables may be half changed: nothing of this thread may be used any more. */
  #endUnsafe(error: HostError): never {
    this.#outbox.push({ type: 'unsafe', error: toWireError(error) });
    this.#outbox.flush();
    // In a worker this ends the thread, at once.
    return process.exit(1);
  }

  #handle(items: readonly ItemToWorker[]): void {
    let dataItems = 0;
    for (const item of items) {
      if (item.type === 'data') dataItems += 1;
      this.#handleOne(item);
    }
    if (dataItems > 0) this.#outbox.push({ type: 'handled', count: dataItems });
  }

  #handleOne(item: ItemToWorker): void {
    switch (item.type) {
      case 'answer':
      case 'refusal':
        this.#host.settle(item);
        return;
      case 'ask':
        // It never rejects: errors are answers.
        void answerRequest({ ...this.#running?.requests }, item, (answer) => this.#outbox.push(answer));
        return;
      case 'logged':
        this.#logger.noteTaken(item.count);
        return;
      case 'ping':
        this.#outbox.push({ type: 'pong' });
        return;
      case 'open':
      case 'data':
      case 'left':
      case 'fail':
      case 'link-closed':
      case 'abandon':
        this.#running?.sessions.handle(item);
        return;
      default:
        unreachable(item);
    }
  }
}

function readFacts({ database, programHash }: LocalDatabase): DatabaseFacts {
  const { identity, owner, def, program } = database;
  return { identity, owner, def, program, programHash };
}

function makeRequests(
  hosted: LocalDatabase,
  sessions: WorkerSessions,
  outboundHttp: BlockingHttpClient | undefined,
): WorkerRequests {
  const { database } = hosted;
  return {
    admit: (caller, jwtPayload) => hosted.sessions.admit(caller, jwtPayload),
    finish: (numbers) => sessions.finish(numbers),
    callReducer: (caller, name, args) => onceWritable(database, () => database.callReducer(caller, name, args)),
    callProcedure: (caller, name, args) => onceWritable(database, () => database.callProcedure(caller, name, args)),
    callHttpHandler: (request) => onceWritable(database, () => database.callHttpHandler(request)),
    sql: (caller, text) => onceWritable(database, () => database.sql(caller, text)),
    describe: () => database.describe(),
    whenDurable: (offset) => database.whenDurable(offset),
    status: () => database.status(),
    snapshot: () => database.snapshot(),
    planExchange: (program) => database.planExchange(program),
    exchangeProgram: (request) => database.exchangeProgram(request),
    metrics: async () => [...(await hosted.metrics()), ...measureHeap(database.identity)],
    inspect: () => hosted.inspect(),
    close: async () => {
      await hosted.close();
      await outboundHttp?.close();
    },
  };
}
