import { performance } from 'node:perf_hooks';
import type vm from 'node:vm';
import { HostError } from '../../errors.ts';
import { type CallCover, type CoveredCall, isCut } from './call-cover.ts';
import { SYSTEM_FUNCTION_NAMES, type SystemFunctions } from '../system-functions.ts';

/*
 * Ends calls that take too long. What holds:
 *
 * - Past the limit no system call does anything any more: it fails, and with it the whole call. So a loop that works
 *   with tables ends at once, between two system calls.
 * - Code that only computes is cut off by V8, at the latest after twice the limit or a second more, whichever is later.
 * - V8 cuts off without running `finally`. Inside a system call that could leave the tables half changed; it can only
 *   happen when one system call alone outlasts the time between limit and cut. Then `onUnsafe` is called.
 * - A realm in which a call was ended is broken: its globals may be half changed, too.
 */

/** How long calls into a module may take. */
export interface TimeLimits {
  /** Of a reducer, a view, or the evaluation of the module. */
  readonly callMs: number;
  /** Of a procedure, which may wait for others. */
  readonly procedureMs: number;
  /** Time between the limit and the cut. Default: as long as the limit, and a second at least. */
  readonly slackMs?: number | undefined;
  /**
   * Called when a call was cut off inside a system call: the tables in memory must not be used any more. What is
   * stored is as it was.
   */
  readonly onUnsafe: (error: HostError) => void;
  /** Watches the calls of turns; absent: each call is watched by itself. */
  readonly cover?: CallCover | undefined;
}

/** The least time between the limit and the cut, where nothing else is said. */
const SLACK_MS_MIN = 1_000;

/** The longest time that V8 can be told, near 25 days. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** The clock is read at every so many system calls. */
const CHECK_EVERY = 16;

const UNWATCHED = { displayErrors: false } as const;

/** After how long a call that may take `limitMs` is cut off, in milliseconds. */
export function cutAfterMs(limitMs: number, { slackMs }: Pick<TimeLimits, 'slackMs'>): number {
  return Math.min(Math.ceil(limitMs + (slackMs ?? Math.max(limitMs, SLACK_MS_MIN))), TIMEOUT_MS_MAX);
}

/** Watches the calls of one realm. */
export class TimeLimit implements CoveredCall {
  readonly #limits: TimeLimits;
  #limitMs = 0;
  #deadline = 0;
  #systemCalls = 0;
  #isRunning = false;
  #isInHost = false;
  #isBroken = false;

  constructor(limits: TimeLimits) {
    this.#limits = limits;
  }

  /** Whether a call was ended: the realm must not be called any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** @throws {HostError} `module/timeout` when the script was ended or took too long */
  run(script: vm.Script, context: vm.Context, isProcedure: boolean): unknown {
    const limitMs = isProcedure ? this.#limits.procedureMs : this.#limits.callMs;
    this.#limitMs = limitMs;
    this.#deadline = performance.now() + limitMs;
    this.#systemCalls = 0;
    this.#isInHost = false;
    this.#isRunning = true;
    const { cover } = this.#limits;
    const isCovered = cover?.isOn === true && !isProcedure;
    const completion = isCovered ? this.#runCovered(script, context, cover) : this.#runWatched(script, context);
    if (performance.now() > this.#deadline) throw this.#break();
    return completion;
  }

  get isInHost(): boolean {
    return this.#isInHost;
  }

  end(): HostError {
    this.#isRunning = false;
    return this.#break();
  }

  /** When it is cut off, nothing here goes on: `end` is called. */
  #runCovered(script: vm.Script, context: vm.Context, cover: CallCover): unknown {
    cover.enter(this);
    try {
      return script.runInContext(context, UNWATCHED);
    } finally {
      cover.leave();
      this.#isRunning = false;
    }
  }

  #runWatched(script: vm.Script, context: vm.Context): unknown {
    const timeout = cutAfterMs(this.#limitMs, this.#limits);
    try {
      return script.runInContext(context, { displayErrors: false, timeout });
    } catch (error) {
      if (!isCut(error)) throw error;
      const cut = this.#break();
      if (this.#isInHost) this.#limits.onUnsafe(cut);
      throw cut;
    } finally {
      this.#isRunning = false;
    }
  }

  /** The system calls as a realm with this limit gets them. */
  guard(functions: SystemFunctions): SystemFunctions {
    const guarded = SYSTEM_FUNCTION_NAMES.map((name) => {
      // Arguments come from the module and are checked by the function itself.
      const call = functions[name] as (...args: unknown[]) => unknown;
      // A request waits outside of transactions and touches no table.
      return [name, this.#guardOne(call, name !== 'procedure_http_request')] as const;
    });
    // The same names with functions of the same types.
    return Object.fromEntries(guarded) as unknown as SystemFunctions;
  }

  #guardOne(call: (...args: unknown[]) => unknown, touchesTables: boolean): (...args: unknown[]) => unknown {
    return (...args) => {
      // The module's garbage collector also calls outside of calls, where nothing is limited or refused.
      if (this.#isRunning) this.#checkDeadline();
      this.#isInHost = touchesTables;
      try {
        return call(...args);
      } finally {
        this.#isInHost = false;
      }
    };
  }

  #checkDeadline(): void {
    this.#systemCalls += 1;
    if (!this.#isBroken && (this.#systemCalls % CHECK_EVERY !== 0 || performance.now() <= this.#deadline)) return;
    throw this.#break();
  }

  #break(): HostError {
    this.#isBroken = true;
    return new HostError({
      code: 'module/timeout',
      message: `the call took longer than ${this.#limitMs} ms and was ended; it changed nothing`,
      details: { limitMs: this.#limitMs },
    });
  }
}
