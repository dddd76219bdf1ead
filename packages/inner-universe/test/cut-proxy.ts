import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What a proxy does with the connections that come. */
export type ProxyMode = 'pass' | 'cut-upgrades' | 'refuse' | 'silent';

/** A proxy before a server whose connections a test cuts. */
export interface CutProxy {
  /** `http://` address of the proxy. */
  readonly address: string;
  /**
   * `cut-upgrades`: a WebSocket is cut before its first message; plain requests pass. `refuse`: nothing passes.
   * `silent`: what is sent is lost, in both directions, and nobody is told.
   */
  mode: ProxyMode;
  /** WebSockets that were cut before their first message. */
  readonly cutUpgrades: number;
  /** Cuts what is open now. */
  cut(): void;
  close(): Promise<void>;
}

/** Opens a proxy before a server of this machine. */
export async function openCutProxy(server: string): Promise<CutProxy> {
  const { port, hostname } = new URL(server);
  const open = new Set<Socket>();
  const proxy = new Proxying(open);
  const listener = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    if (proxy.mode === 'refuse') {
      client.destroy();
      return;
    }
    let isCutting = false;
    client.on('data', (chunk: Buffer) => {
      if (proxy.mode === 'silent') return;
      if (proxy.mode === 'cut-upgrades' && /upgrade: websocket/i.test(chunk.toString('latin1'))) {
        // The server accepts it; the client hears that, and nothing after it.
        isCutting = true;
        upstream.once('data', (answer: Buffer) => {
          const head = answer.subarray(0, answer.indexOf('\r\n\r\n') + 4);
          upstream.destroy();
          proxy.cutUpgrades += 1;
          client.end(head);
        });
        upstream.write(chunk);
        return;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      if (proxy.mode !== 'silent' && !isCutting && !client.destroyed) client.write(chunk);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port: own } = listener.address() as AddressInfo;
  proxy.address = `http://127.0.0.1:${own}`;
  proxy.stop = async () => {
    const closed = once(listener, 'close');
    listener.close();
    proxy.cut();
    await closed;
  };
  return proxy;
}

class Proxying implements CutProxy {
  address = '';
  mode: ProxyMode = 'pass';
  cutUpgrades = 0;
  stop: () => Promise<void> = async () => undefined;
  readonly #open: Set<Socket>;

  constructor(open: Set<Socket>) {
    this.#open = open;
  }

  cut(): void {
    for (const socket of [...this.#open]) socket.destroy();
  }

  close(): Promise<void> {
    return this.stop();
  }
}
