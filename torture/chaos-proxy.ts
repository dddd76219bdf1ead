/*
 * A TCP proxy between one client and the server, which can be told to misbehave. Invariants:
 * - bytes that are passed on are passed on whole and in order, as TCP does; what is held back is passed on later, or
 *   never, and then the connection is cut;
 * - what it holds back is bounded: it stops reading.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * What becomes of connections. `deaf`: nothing gets through to the server; `mute`: nothing comes back from it;
 * `half-open`: neither, and nobody is told; `slow`: everything is late; `refuse`: they are cut as they come.
 */
export type Misbehaviour = 'none' | 'deaf' | 'mute' | 'half-open' | 'slow' | 'refuse';

interface Lane {
  readonly from: Socket;
  readonly to: Socket;
  readonly isUpward: boolean;
}

/** A proxy whose server may move. */
export class ChaosProxy {
  /** Connections that were cut by `cut`. */
  cuts = 0;
  #upstreamPort = 0;
  #mode: Misbehaviour = 'none';
  #delayMs = 0;
  readonly #listener: Server;
  readonly #lanes = new Set<Lane>();

  private constructor(listener: Server) {
    this.#listener = listener;
    listener.on('connection', (client: Socket) => this.#accept(client));
  }

  static async open(): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(createServer());
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#listener.address() as AddressInfo).port}`; // it listens on TCP
  }

  get mode(): Misbehaviour {
    return this.#mode;
  }

  /** Where connections go from now on. */
  set upstream(address: string) {
    this.#upstreamPort = Number(new URL(address).port);
  }

  /** Behaves so from now on, for connections that are open as well. `delayMs` is for `slow`. */
  misbehave(mode: Misbehaviour, delayMs = 0): void {
    this.#mode = mode;
    this.#delayMs = delayMs;
    for (const lane of this.#lanes) this.#setFlow(lane);
  }

  /** Cuts what is open, by a reset. */
  cut(): void {
    for (const { from } of [...this.#lanes]) {
      if (from.destroyed) continue;
      this.cuts += 1;
      from.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    for (const { from } of [...this.#lanes]) from.destroy();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#mode === 'refuse') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#upstreamPort, '127.0.0.1');
    this.#join({ from: client, to: server, isUpward: true });
    this.#join({ from: server, to: client, isUpward: false });
  }

  #join(lane: Lane): void {
    const { from, to } = lane;
    this.#lanes.add(lane);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#lanes.delete(lane);
      to.destroy();
    });
    from.on('data', (bytes: Buffer) => this.#pass(lane, bytes));
    to.on('drain', () => this.#setFlow(lane));
    this.#setFlow(lane);
  }

  #pass(lane: Lane, bytes: Buffer): void {
    const { from, to } = lane;
    const write = (): void => {
      if (to.destroyed) return;
      if (!to.write(bytes)) from.pause();
      else this.#setFlow(lane);
    };
    if (this.#mode !== 'slow') {
      write();
      return;
    }
    // Nothing is read meanwhile, so that the order stays.
    from.pause();
    setTimeout(write, this.#delayMs);
  }

  #setFlow({ from, to, isUpward }: Lane): void {
    const isHeld = this.#mode === 'half-open' || this.#mode === (isUpward ? 'deaf' : 'mute');
    if (isHeld || to.writableNeedDrain) from.pause();
    else from.resume();
  }
}
