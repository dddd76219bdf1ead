import type { LinkDirection, TestLink } from '@inner-universe/host/testing';
import type { SdkSocket } from '../connection/sdk-socket.ts';
import { ConnectionError } from '../errors.ts';
import { FaultLane } from './fault-lane.ts';
import { FaultSocket } from './fault-socket.ts';

/** What a network is made of. */
interface NetworkParts {
  /** Called when connections can be made again. */
  readonly onRestored: () => void;
}

/**
 * What lies between one universe and its host, over all its connections: a universe connects again by itself, and
 * what is planned or slow here stays so. Messages are counted from now on, 1 is the next; the connection's own
 * (connecting, subscribing) count as well. Time is the test's clock.
 */
export class TestNetwork {
  readonly #parts: NetworkParts;
  readonly #toHost: FaultLane;
  readonly #toClient: FaultLane;
  readonly #delayMicros: Map<LinkDirection, bigint> = new Map();
  readonly #frozen: Set<LinkDirection> = new Set();
  #link: TestLink | undefined;
  #refusal: ConnectionError | undefined;
  #abort: (error: ConnectionError) => void = () => undefined;
  #attempt: Promise<unknown> = Promise.resolve();

  constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.#toHost = new FaultLane(afterSomeTurns);
    this.#toClient = new FaultLane(afterSomeTurns);
  }

  // ---- what a test does ----

  /** Whether there is a connection, as far as the client knows. */
  get isOpen(): boolean {
    return this.#link?.isOpen ?? false;
  }

  /** Messages that were sent to the host, and messages that came from it, over all connections. */
  get messages(): { readonly toHost: number; readonly toClient: number } {
    return { toHost: this.#toHost.passed, toClient: this.#toClient.passed };
  }

  /** Whether anything here keeps messages or connections back. */
  get isImpaired(): boolean {
    return this.#refusal !== undefined || this.#frozen.size > 0 || [...this.#delayMicros.values()].some((d) => d > 0n);
  }

  /** The connection is gone: what is on its way is lost, and both sides hear of it in a later turn. */
  drop(): void {
    this.#link?.drop();
  }

  /** Drops the connection in place of delivering a message. @throws {RangeError} */
  dropAt(direction: LinkDirection, message = 1): void {
    this.#lane(direction).plan('drop', message);
  }

  /** Delivers a message twice. @throws {RangeError} */
  duplicateAt(direction: LinkDirection, message = 1): void {
    this.#lane(direction).plan('duplicate', message);
  }

  /**
   * Delivers a message behind the one that follows it; where none follows soon, it arrives all the same.
   * @throws {RangeError}
   */
  reorderAt(direction: LinkDirection, message = 1): void {
    this.#lane(direction).plan('reorder', message);
  }

  /** Each message takes so long from now on; their order stays. 0 is as at first. @throws {RangeError} */
  delay(delayMs: number, ...directions: readonly LinkDirection[]): void {
    const micros = BigInt(Math.round(delayMs * 1000));
    this.#link?.delay(micros, ...directions);
    for (const direction of both(directions)) this.#delayMicros.set(direction, micros);
    this.#noteFree();
  }

  /** Nothing passes any more, and nobody hears of it, until `thaw`. */
  freeze(...directions: readonly LinkDirection[]): void {
    this.#link?.freeze(...directions);
    for (const direction of both(directions)) this.#frozen.add(direction);
  }

  /** Lets everything through that waited, in order. */
  thaw(...directions: readonly LinkDirection[]): void {
    for (const direction of both(directions)) this.#frozen.delete(direction);
    this.#link?.thaw(...directions);
    this.#noteFree();
  }

  /** Takes the network away: the connection is lost and none can be made until `restore`. */
  cut(): void {
    this.#refuse(unreachable('The network is cut: restore() it.'));
  }

  /** Ends `cut`; the universe connects again at once. */
  restore(): void {
    this.#refusal = undefined;
    this.#parts.onRestored();
  }

  /** Takes back everything that was planned or set, and restores the connection. */
  clear(): void {
    this.#toHost.clear();
    this.#toClient.clear();
    this.delay(0);
    this.thaw();
    this.restore();
  }

  // ---- what the test universe does ----

  /** Opens a socket over this network. */
  async open(openLink: () => Promise<TestLink>): Promise<SdkSocket> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const aborted = new Promise<never>((_resolve, reject) => (this.#abort = reject));
    const opening = openLink();
    const opened = Promise.race([opening, aborted]);
    this.#attempt = opened;
    try {
      return this.#attach(await opened);
    } catch (error) {
      // It may still open behind our back: nobody is there then.
      opening.then(
        (link) => link.drop(),
        () => undefined,
      );
      throw error;
    }
  }

  /** Resolves when no socket is being opened: that takes more than turns of the event loop, for tokens are checked. */
  async attempted(): Promise<void> {
    await Promise.allSettled([this.#attempt]);
  }

  /** Gives up an attempt to connect that is on its way: the process it leads to is dead. */
  abandonAttempt(): void {
    this.#abort(unreachable('The process was killed: restart() it.'));
  }

  /** Ends it for good: waiting calls are rejected. */
  end(): void {
    this.#refuse(new ConnectionError('connection/closed', 'The test universe was closed.'));
    this.#parts.onRestored();
  }

  /** Who waits to connect need not wait for the clock where nothing is in the way any more. */
  #noteFree(): void {
    if (!this.isImpaired) this.#parts.onRestored();
  }

  #attach(link: TestLink): SdkSocket {
    this.#link = link;
    for (const [direction, micros] of this.#delayMicros) link.delay(micros, direction);
    if (this.#frozen.size > 0) link.freeze(...this.#frozen);
    return new FaultSocket(link, { toHost: this.#toHost, toClient: this.#toClient });
  }

  #refuse(refusal: ConnectionError): void {
    this.#refusal = refusal;
    this.#abort(refusal);
    this.drop();
  }

  #lane(direction: LinkDirection): FaultLane {
    return direction === 'to-host' ? this.#toHost : this.#toClient;
  }
}

/** Turns of the event loop for which a message waits to be overtaken. Fewer than `settle` and `advance` watch. */
const HELD_TURNS = 4;

function afterSomeTurns(callback: () => void): () => void {
  let left = HELD_TURNS;
  let handle = setImmediate(function turn() {
    left -= 1;
    if (left > 0) handle = setImmediate(turn);
    else callback();
  });
  return () => clearImmediate(handle);
}

/** The error of a host that cannot be reached now. */
export function unreachable(message: string, cause?: unknown): ConnectionError {
  return new ConnectionError('connection/unreachable', message, { cause, retryable: true });
}

function both(directions: readonly LinkDirection[]): readonly LinkDirection[] {
  return directions.length === 0 ? ['to-host', 'to-client'] : directions;
}
