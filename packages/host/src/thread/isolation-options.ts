import { HostError } from '../errors.ts';
import type { Isolation } from '../hosted-database.ts';
import type { TimeLimits } from '../module/realm/time-limit.ts';

/** How a host keeps its databases and their calls apart. */
export interface IsolationOptions {
  /**
   * Where databases run. `thread`: each in a worker thread of its own, so that heavy reducers do not hold up the
   * application, and a module that uses up its heap or never ends harms its own database only. Default `none`.
   */
  readonly isolation?: Isolation | undefined;
  /**
   * How long a call into a module may take, in milliseconds; `Infinity` for no limit. A call that takes longer fails and
   * leaves no trace; one that only computes is ended a little later, see the documentation. Default with
   * `isolation: 'thread'`: 10,000; else no limit.
   */
  readonly callTimeLimitMs?: number | undefined;
  /** The same for procedures, which may wait for others. Default: 200,000, or `callTimeLimitMs` where that is more. */
  readonly procedureTimeLimitMs?: number | undefined;
  /** With `isolation: 'thread'`: the largest JavaScript heap of one database's thread, in MiB. Default 2,048. */
  readonly threadHeapMiB?: number | undefined;
}

/** The options with everything said. */
export interface IsolationSettings {
  readonly isolation: Isolation;
  readonly callTimeLimitMs: number;
  readonly procedureTimeLimitMs: number;
  readonly threadHeapMiB: number;
}

const CALL_TIME_LIMIT_MS = 10_000;
const PROCEDURE_TIME_LIMIT_MS = 200_000;
const THREAD_HEAP_MIB = 2_048;

/** @throws {HostError} `host/invalid-option` */
export function readIsolation(options: IsolationOptions): IsolationSettings {
  const { isolation = 'none', threadHeapMiB = THREAD_HEAP_MIB } = options;
  if (isolation !== 'none' && isolation !== 'thread') throw invalid('isolation', isolation, "'none' or 'thread'");
  const callTimeLimitMs = options.callTimeLimitMs ?? (isolation === 'thread' ? CALL_TIME_LIMIT_MS : Infinity);
  const procedureTimeLimitMs = options.procedureTimeLimitMs ?? Math.max(callTimeLimitMs, PROCEDURE_TIME_LIMIT_MS);
  const settings = { isolation, callTimeLimitMs, procedureTimeLimitMs, threadHeapMiB };
  for (const name of ['callTimeLimitMs', 'procedureTimeLimitMs', 'threadHeapMiB'] as const) {
    if (!(settings[name] > 0)) throw invalid(name, settings[name], 'a positive number');
  }
  return settings;
}

/** The limits for a module in this thread. Nothing else could be done there about a call that cannot be ended. */
export function makeTimeLimits(settings: IsolationSettings): TimeLimits | undefined {
  const { callTimeLimitMs, procedureTimeLimitMs } = settings;
  if (!Number.isFinite(callTimeLimitMs)) return undefined;
  return { callMs: callTimeLimitMs, procedureMs: procedureTimeLimitMs, onUnsafe: endProcess };
}

/** To go on with tables that may be half changed would be worse: what is stored is as it was. */
function endProcess(error: HostError): void {
  queueMicrotask(() => {
    throw error;
  });
}

function invalid(name: string, value: unknown, expected: string): HostError {
  return new HostError({
    code: 'host/invalid-option',
    message: `the option ${name} is ${String(value)}; it must be ${expected}`,
    details: { name, value: String(value) },
  });
}
