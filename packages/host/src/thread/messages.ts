import type { LogRecord } from '../clock/clock.ts';
import type { Caller } from '../database/calls.ts';
import type { ClientLimits, HostedDatabase } from '../hosted-database.ts';
import type { OutboundPolicy } from '../outbound-http/outbound-options.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import type { DatabasePort, ServedSessions } from '../session/served-host.ts';
import type { SealerDescription } from '../storage/sealed/storage-key.ts';
import type { SessionOptions } from '../session/session.ts';
import type { WireError } from './wire-error.ts';

/*
 * What a host and the worker of one of its databases tell each other. Both directions are queues of items, posted in
 * batches (see `Mailbox`); order holds within a direction. A session has a number, given by the host's side.
 */

/** What a worker starts with. */
export interface WorkerOptions {
  readonly name: string;
  readonly program: string | undefined;
  /** Directory of the database's storage; absent: in memory. */
  readonly directory: string | undefined;
  /** How what is stored there is sealed; a secret. Absent: it is not. */
  readonly sealing: SealerDescription | undefined;
  readonly identity: bigint;
  readonly owner: bigint;
  readonly limits: ClientLimits | undefined;
  readonly strictCompat: boolean | undefined;
  readonly hashSeed: number;
  /** How requests of the module go out; absent: they are refused. `helperEntry` is the address of `helper-worker`. */
  readonly outbound: { readonly policy: OutboundPolicy; readonly helperEntry: string } | undefined;
  /** See `SlowLimits`; `Infinity` for never. */
  readonly slowCallMs: number | undefined;
  readonly slowQueryMs: number | undefined;
  /** `Infinity` for none. */
  readonly callTimeLimitMs: number;
  readonly procedureTimeLimitMs: number;
}

/** What is known of a database without asking it. */
export interface DatabaseFacts {
  readonly identity: bigint;
  readonly owner: bigint;
  readonly def: ModuleDef;
  readonly program: string;
  readonly programHash: string;
}

/** The requests that a worker answers, by name. */
export interface WorkerRequests {
  readonly admit: ServedSessions['admit'];
  readonly finish: (sessions: readonly number[]) => Promise<void>;
  readonly callReducer: DatabasePort['callReducer'];
  readonly callProcedure: DatabasePort['callProcedure'];
  readonly callHttpHandler: DatabasePort['callHttpHandler'];
  readonly sql: DatabasePort['sql'];
  readonly describe: DatabasePort['describe'];
  readonly whenDurable: DatabasePort['whenDurable'];
  readonly status: DatabasePort['status'];
  readonly snapshot: DatabasePort['snapshot'];
  readonly planExchange: DatabasePort['planExchange'];
  readonly exchangeProgram: DatabasePort['exchangeProgram'];
  readonly metrics: HostedDatabase['metrics'];
  readonly inspect: HostedDatabase['inspect'];
  readonly close: HostedDatabase['close'];
}

/** The requests that the host's side answers to a worker. */
export interface HostRequests {
  readonly readTransform: (key: string) => Promise<string | undefined>;
  readonly writeTransform: (key: string, text: string) => Promise<void>;
}

/** A request and its answer, in either direction. */
export type RequestItem =
  | { readonly type: 'ask'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | { readonly type: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly type: 'refusal'; readonly id: number; readonly error: WireError };

/** From the host's side to a worker. */
export type ItemToWorker =
  | RequestItem
  | { readonly type: 'open'; readonly session: number; readonly options: SessionOptions }
  | { readonly type: 'data'; readonly session: number; readonly bytes: Uint8Array }
  /** How many bytes of all that were sent to the client have left the process by now. */
  | { readonly type: 'left'; readonly session: number; readonly bytes: number }
  | { readonly type: 'fail'; readonly session: number; readonly code: number; readonly reason: string }
  | { readonly type: 'link-closed'; readonly session: number }
  | { readonly type: 'abandon'; readonly caller: Caller }
  /** So many log records were taken. */
  | { readonly type: 'logged'; readonly count: number }
  | { readonly type: 'ping' };

/** From a worker to the host's side. */
export type ItemFromWorker =
  | RequestItem
  | { readonly type: 'ready'; readonly facts: DatabaseFacts }
  /** Another program took over. */
  | { readonly type: 'exchanged'; readonly facts: DatabaseFacts }
  | { readonly type: 'not-opened'; readonly error: WireError }
  | { readonly type: 'data'; readonly session: number; readonly bytes: Uint8Array }
  | { readonly type: 'close'; readonly session: number; readonly code: number; readonly reason: string }
  | { readonly type: 'pause'; readonly session: number }
  | { readonly type: 'resume'; readonly session: number }
  /** So many more `data` items were given to their sessions. */
  | { readonly type: 'handled'; readonly count: number }
  | { readonly type: 'log'; readonly record: LogRecord }
  /** The worker ends itself: its tables may be damaged. */
  | { readonly type: 'unsafe'; readonly error: WireError }
  | { readonly type: 'pong' };
