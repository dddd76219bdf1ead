import { performance } from 'node:perf_hooks';
import vm from 'node:vm';
import { HostError } from '../../errors.ts';

/*
 * One watchdog for many calls. Telling V8 to cut a script off costs a thread, for each script: far more than a short
 * call. So a turn of calls runs inside one script that may be cut off. What holds:
 *
 * - A cut leaves every function of the turn without running `finally`. It is safe where the module was computing: the
 *   host has nothing half done then but the call itself, which its caller takes back. Anywhere else the tables may be
 *   half changed, and `onUnsafe` is called.
 * - It comes no earlier than a call's limit and the slack after it, so that what the host does after a call of the
 *   longest allowed time (commit, tell clients) is not hit. Turns end soon; nothing else belongs into them.
 */

/** A call whose script runs under the cover. */
export interface CoveredCall {
  /** Whether a system call is at work. */
  readonly isInHost: boolean;
  /** The call was cut off: what its caller is told. */
  end(): HostError;
}

/** How long calls go on before a turn is over. */
const TURN_MS = 8;

const TURN_NAME = '__innerUniverseTurn';
const turnScript = new vm.Script(`${TURN_NAME}()`, { filename: 'inner_universe_turn' });

/** Runs turns of calls under one watchdog. */
export class CallCover {
  readonly #timeoutMs: number;
  readonly #onUnsafe: (error: HostError) => void;
  #call: CoveredCall | undefined;
  #isOn = false;

  /** `timeoutMs` is how long a call and what follows it may take. */
  constructor(timeoutMs: number, onUnsafe: (error: HostError) => void) {
    this.#timeoutMs = timeoutMs + TURN_MS;
    this.#onUnsafe = onUnsafe;
  }

  /** Whether a turn is on. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /**
   * Runs a turn, which ends soon after `goesOn` says no. When a call was cut off where that is safe, gives the error of
   * that call: the turn is over then, wherever it was. Elsewhere there is nothing to go on with.
   */
  run(turn: (goesOn: () => boolean) => void): HostError | undefined {
    const end = performance.now() + TURN_MS;
    this.#isOn = true;
    try {
      Object.defineProperty(globalThis, TURN_NAME, {
        value: () => turn(() => performance.now() < end),
        configurable: true,
      });
      turnScript.runInThisContext({ displayErrors: false, timeout: this.#timeoutMs });
      return undefined;
    } catch (error) {
      if (!isCut(error)) throw error;
      return this.#endCall();
    } finally {
      this.#call = undefined;
      this.#isOn = false;
    }
  }

  /** The script of a call begins. */
  enter(call: CoveredCall): void {
    this.#call = call;
  }

  /** It is over. */
  leave(): void {
    this.#call = undefined;
  }

  #endCall(): HostError | undefined {
    const call = this.#call;
    const error = call?.end() ?? makeHostCutError();
    if (call !== undefined && !call.isInHost) return error;
    this.#onUnsafe(error);
    return undefined;
  }
}

/** Whether V8 cut a script off. The error is one of the script's own world, whatever `instanceof` says. */
export function isCut(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}

function makeHostCutError(): HostError {
  return new HostError({
    code: 'module/timeout',
    message: 'what the host had to do after a call took too long and was cut off',
  });
}
