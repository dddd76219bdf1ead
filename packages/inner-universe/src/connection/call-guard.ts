import type { ConnectionError } from '../errors.ts';
import type { Telemetry } from '../observability/telemetry.ts';
import { CircuitBreaker, type BreakerOptions, type BreakerStatus } from './circuit-breaker.ts';
import type { LinkStatus } from './link-status.ts';
import type { Watchable } from './watched.ts';

/** What the calls of a client go by. */
export interface CallGuardParts {
  /** Undefined: no breaker. */
  readonly breaker: BreakerOptions | undefined;
  readonly nowMs: () => number;
  readonly onError: (error: unknown) => void;
  readonly telemetry: Telemetry;
  readonly link: Watchable<LinkStatus>;
}

const BREAKER_VALUES = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Surrounds every call of a client: counts those that wait, and asks the breaker where there is one. */
export class CallGuard {
  readonly #breaker: CircuitBreaker | undefined;
  readonly #stops: (() => void)[] = [];
  #inFlight = 0;

  constructor({ breaker: options, nowMs, onError, telemetry, link }: CallGuardParts) {
    this.#stops.push(telemetry.observe('connection.calls_in_flight', () => this.#inFlight));
    if (options === undefined) return;
    const breaker = new CircuitBreaker({ options, nowMs, onError });
    this.#breaker = breaker;
    this.#stops.push(
      telemetry.observe('connection.breaker', () => BREAKER_VALUES[breaker.status.getSnapshot().state]),
      link.subscribe(({ state }) => state === 'connected' && breaker.endPause()),
    );
  }

  /** Where the breaker stands; undefined where there is none. */
  get breaker(): Watchable<BreakerStatus> | undefined {
    return this.#breaker?.status;
  }

  /** Calls that wait for an answer, or for a connection. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Makes a call unless the breaker is open. @throws {ConnectionError} `connection/circuit-open` */
  run<T>(name: string, call: () => Promise<T>): Promise<T> {
    return this.#count(() => (this.#breaker === undefined ? call() : this.#breaker.run(name, call)));
  }

  /** Makes a call whose turn it is whatever the breaker says, which takes note of how it ends. */
  watch<T>(call: () => Promise<T>): Promise<T> {
    return this.#count(() => (this.#breaker === undefined ? call() : this.#breaker.watch(call)));
  }

  /** Why something must not be begun now: the error of a breaker that is open. */
  faultOf(name: string): ConnectionError | undefined {
    return this.#breaker?.faultOf(name);
  }

  /** Ends what it reports. */
  close(): void {
    for (const stop of this.#stops) stop();
  }

  async #count<T>(call: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await call();
    } finally {
      this.#inFlight -= 1;
    }
  }
}
