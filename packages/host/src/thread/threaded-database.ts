import type { LogLevel } from '../clock/clock.ts';
import type { Database } from '../database/database.ts';
import type { SqlResult } from '../database/plain-results.ts';
import { runDirectSql, type SqlOptions } from '../direct-sql.ts';
import { errorMessage, HostError } from '../errors.ts';
import type { HostedDatabase } from '../hosted-database.ts';
import type { ExchangeOutcome } from '../database/program-exchange.ts';
import { identityToHex } from '../identity/identity.ts';
import type { DatabaseInspection } from '../inspection/inspection.ts';
import type { LogEntry } from '../logs/log-line.ts';
import type { LogQuery } from '../logs/log-store.ts';
import type { MetricFamily } from '../metrics/metric-family.ts';
import type { Registration } from '../names/registration.ts';
import { CLOSE_CODES, shortenReason } from '../session/close-codes.ts';
import { DatabaseThread, type ThreadOptions } from './database-thread.ts';
import type { DatabaseFacts } from './messages.ts';
import { RemoteDatabase, RemoteSessions, type ThreadSource } from './remote-database.ts';

/** Unexpected ends within `RESTART_WINDOW_MS` after which a database is not opened again by itself. */
const RESTARTS_MAX = 3;

const RESTART_WINDOW_MS = 60_000;

/** How long the second restart of a window waits; each further one twice as long. */
const RESTART_DELAY_MS = 100;

/**
 * A database that runs in a worker thread. When the thread ends unexpectedly (out of memory, a call that could not be
 * ended, a bug), its clients are closed with 1012, and the database is opened again from its directory. In memory it
 * is lost: clients are closed with 1011, and whoever asks is told. Others are not concerned.
 */
export class ThreadedDatabase implements HostedDatabase, ThreadSource {
  readonly isolation = 'thread';
  readonly registration: Registration;
  readonly database: RemoteDatabase;
  readonly sessions: RemoteSessions;
  readonly #options: ThreadOptions;
  #thread: DatabaseThread;
  #facts: DatabaseFacts;
  /** The way to the open database; rejects when it will not be open again. */
  #opening: Promise<DatabaseThread>;
  #stopped: HostError | undefined;
  #closing: Promise<void> | undefined;
  /** When the thread ended unexpectedly, in microseconds. */
  #ends: bigint[] = [];

  /** @throws as `Database.open` */
  static async open(options: ThreadOptions, registration: Registration): Promise<ThreadedDatabase> {
    const thread = new DatabaseThread(options);
    try {
      const facts = await thread.opened;
      return new ThreadedDatabase({ options, registration }, thread, facts);
    } catch (error) {
      await thread.terminate();
      throw error;
    }
  }

  private constructor(
    { options, registration }: { readonly options: ThreadOptions; readonly registration: Registration },
    thread: DatabaseThread,
    facts: DatabaseFacts,
  ) {
    this.registration = registration;
    this.#options = options;
    this.#thread = thread;
    this.#facts = facts;
    this.#opening = Promise.resolve(thread);
    this.database = new RemoteDatabase(this);
    this.sessions = new RemoteSessions(this);
    this.#listen(thread);
  }

  get name(): string {
    return this.registration.names[0] ?? identityToHex(this.identity);
  }

  get identity(): bigint {
    return this.#facts.identity;
  }

  get owner(): bigint {
    return this.#facts.owner;
  }

  get programHash(): string {
    return this.#facts.programHash;
  }

  get local(): Database {
    throw new HostError({
      code: 'database/in-thread',
      message: `the database "${this.name}" runs in a worker thread and cannot be used directly; ask it by the methods of \`database\``,
      details: { name: this.name },
    });
  }

  get failure(): HostError | undefined {
    return this.#stopped;
  }

  get facts(): DatabaseFacts {
    return this.#facts;
  }

  get current(): DatabaseThread {
    return this.#thread;
  }

  async whenOpen(): Promise<DatabaseThread> {
    if (this.#closing !== undefined) {
      throw new HostError({
        code: 'database/closed',
        message: `the database "${this.name}" is closed; open it again`,
        details: { name: this.name },
      });
    }
    return this.#opening;
  }

  logs(query: LogQuery = {}): AsyncIterable<LogEntry> {
    return this.registration.logStore.entries(query);
  }

  sql(text: string, options: SqlOptions = {}): Promise<readonly SqlResult[]> {
    return runDirectSql(this.database, text, options);
  }

  async metrics(): Promise<readonly MetricFamily[]> {
    return (await this.whenOpen()).requests.ask('metrics');
  }

  async inspect(): Promise<DatabaseInspection> {
    return (await this.whenOpen()).requests.ask('inspect');
  }

  async revive(program: string): Promise<ExchangeOutcome | undefined> {
    if (this.#stopped === undefined || this.#closing !== undefined) return undefined;
    const isInMemory = this.#options.worker.directory === undefined;
    const thread = this.#start(isInMemory ? program : undefined);
    try {
      await this.#takeOver(thread);
    } catch (error) {
      await thread.terminate();
      throw error;
    }
    this.#stopped = undefined;
    this.#ends = [];
    this.#opening = Promise.resolve(thread);
    if (!isInMemory) return undefined;
    return { type: 'cleared', plan: { steps: [], breaksClients: true, refusals: [] }, endsClients: true };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      const thread = await this.#opening;
      await thread.close();
    } catch (error) {
      // A database that stopped has nothing left to close: what it had is on disk, or was told to be lost.
      if (this.#stopped === undefined) throw error;
    }
  }

  #recover(ended: DatabaseThread, reason: string): void {
    const isInMemory = this.#options.worker.directory === undefined;
    this.#noteEnd();
    if (isInMemory || this.#ends.length > RESTARTS_MAX) {
      this.#stop(ended, reason);
      return;
    }
    this.#log('error', `the thread of the database ended: ${reason}. It is opened again from its directory.`);
    ended.endSessions(CLOSE_CODES.restarting, shortenReason('the database is opened again; connect again'));
    this.#opening = this.#reopen();
    // Whoever asks for the database is told; so is the log.
    this.#opening.catch(() => undefined);
  }

  async #reopen(): Promise<DatabaseThread> {
    for (;;) {
      await this.#pause();
      // The program is stored, and the data are there: nothing is to be created.
      const thread = this.#start(undefined);
      try {
        await this.#takeOver(thread);
        this.#log('info', 'the database is open again');
        return thread;
      } catch (error) {
        await thread.terminate();
        const isThreadsFault = error instanceof HostError && error.code === 'database/thread-ended';
        this.#noteEnd();
        if (!isThreadsFault || this.#ends.length > RESTARTS_MAX) throw this.#stop(thread, errorMessage(error));
      }
    }
  }

  #start(program: string | undefined): DatabaseThread {
    return new DatabaseThread({ ...this.#options, worker: { ...this.#options.worker, program } });
  }

  /** Puts a thread in charge once the database is open in it. */
  async #takeOver(thread: DatabaseThread): Promise<void> {
    this.#facts = await thread.opened;
    this.#thread = thread;
    this.#listen(thread);
  }

  #listen(thread: DatabaseThread): void {
    thread.listen(
      (facts) => (this.#facts = facts),
      (reason) => this.#recover(thread, reason),
    );
  }

  #stop(thread: DatabaseThread, reason: string): HostError {
    const isInMemory = this.#options.worker.directory === undefined;
    const message = isInMemory
      ? `the database "${this.name}" was in memory, and is lost: its thread ended: ${reason}. Publish it anew.`
      : `the database "${this.name}" is stopped: its thread ended again and again, at last because ${reason}. What was acknowledged is on disk: publish a module that does not do that, or open the host again.`;
    const error = new HostError({
      code: 'database/stopped',
      message,
      details: { name: this.name, reason, isLost: isInMemory },
    });
    this.#stopped = error;
    this.#opening = Promise.reject(error);
    // Whoever asks for the database is told; so is the log.
    this.#opening.catch(() => undefined);
    this.#log('panic', message);
    thread.endSessions(
      CLOSE_CODES.error,
      shortenReason(isInMemory ? 'the database is lost' : 'the database is stopped'),
    );
    return error;
  }

  #noteEnd(): void {
    const now = this.#options.clock.nowMicros();
    this.#ends = [...this.#ends, now].filter((at) => now - at < BigInt(RESTART_WINDOW_MS) * 1000n);
  }

  async #pause(): Promise<void> {
    const delayMs = this.#ends.length <= 1 ? 0 : RESTART_DELAY_MS * 2 ** (this.#ends.length - 2);
    await new Promise<void>((resolve) => this.#options.timers.after(delayMs, resolve));
  }

  #log(level: LogLevel, message: string): void {
    const { logger, clock } = this.#options;
    logger.log({ level, message, source: 'host', database: this.name, timestampMicros: clock.nowMicros() });
  }
}
