import type { Caller, CallResult, ConnectResult, DatabaseStatus, ProcedureResult } from '../database/calls.ts';
import type { ExchangeOutcome, ExchangePlan, ExchangeRequest } from '../database/program-exchange.ts';
import type { SqlAnswer } from '../database/sql-answer.ts';
import type { HandlerRequest, HandlerResult } from '../module-http/handler-call.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import type { ClientLink } from '../session/client-link.ts';
import type { ClientSession, DatabasePort, ServedSessions } from '../session/served-host.ts';
import type { SessionOptions } from '../session/session.ts';
import type { DatabaseThread } from './database-thread.ts';
import type { DatabaseFacts, WorkerRequests } from './messages.ts';
import type { Requester } from './requests.ts';

/** Gives the thread that runs at the moment. */
export interface ThreadSource {
  readonly facts: DatabaseFacts;
  /** The thread, as it is. */
  readonly current: DatabaseThread;
  /** The thread, once the database is open in it. @throws {HostError} `database/stopped`, `database/closed` */
  whenOpen(): Promise<DatabaseThread>;
  /**
   * Starts a database anew that is stopped, with what is stored of it; one that was in memory with this program and
   * no data, and gives what that did.
   */
  revive(program: string): Promise<ExchangeOutcome | undefined>;
}

/** A database in a worker, as the host's side asks it. What its methods throw is what `Database` throws. */
export class RemoteDatabase implements DatabasePort {
  readonly #source: ThreadSource;

  constructor(source: ThreadSource) {
    this.#source = source;
  }

  get identity(): bigint {
    return this.#source.facts.identity;
  }

  get owner(): bigint {
    return this.#source.facts.owner;
  }

  get def(): ModuleDef {
    return this.#source.facts.def;
  }

  get program(): string {
    return this.#source.facts.program;
  }

  // Whether it may write only the worker knows, which waits before it runs a call.
  readonly writable = true;

  async whenWritable(): Promise<void> {}

  async callReducer(caller: Caller, name: string, args: Uint8Array): Promise<CallResult> {
    return (await this.#requests()).ask('callReducer', caller, name, args);
  }

  async callProcedure(caller: Caller, name: string, args: Uint8Array): Promise<ProcedureResult> {
    return (await this.#requests()).ask('callProcedure', caller, name, args);
  }

  async sql(caller: Caller, text: string): Promise<SqlAnswer> {
    return (await this.#requests()).ask('sql', caller, text);
  }

  async callHttpHandler(request: HandlerRequest): Promise<HandlerResult> {
    return (await this.#requests()).ask('callHttpHandler', request);
  }

  async describe(): Promise<Uint8Array> {
    return (await this.#requests()).ask('describe');
  }

  async planExchange(program: string): Promise<ExchangePlan> {
    return (await this.#requests()).ask('planExchange', program);
  }

  async exchangeProgram(request: ExchangeRequest): Promise<ExchangeOutcome> {
    const revived = await this.#source.revive(request.program);
    if (revived !== undefined) return revived;
    return (await this.#requests()).ask('exchangeProgram', request);
  }

  async whenDurable(offset: bigint): Promise<void> {
    await (await this.#requests()).ask('whenDurable', offset);
  }

  async status(): Promise<DatabaseStatus> {
    return (await this.#requests()).ask('status');
  }

  async snapshot(): Promise<void> {
    await (await this.#requests()).ask('snapshot');
  }

  async #requests(): Promise<Requester<WorkerRequests>> {
    return (await this.#source.whenOpen()).requests;
  }
}

/** The way in for clients of a database in a worker. */
export class RemoteSessions implements ServedSessions {
  readonly #source: ThreadSource;

  constructor(source: ThreadSource) {
    this.#source = source;
  }

  async admit(caller: Caller, jwtPayload: string): Promise<ConnectResult> {
    const thread = await this.#source.whenOpen();
    return thread.requests.ask('admit', caller, jwtPayload);
  }

  abandon(caller: Caller): void {
    this.#source.current.abandon(caller);
  }

  open(link: ClientLink, options: SessionOptions): ClientSession {
    return this.#source.current.open(link, options);
  }

  async finish(sessions: Iterable<ClientSession>): Promise<void> {
    await this.#source.current.finish(sessions);
  }
}
