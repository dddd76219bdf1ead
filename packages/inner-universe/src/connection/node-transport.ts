import type { Socket } from 'node:net';
import { Agent, buildConnector, fetch, WebSocket } from 'undici';
import type { TlsOptions, Transport } from './server-transport.ts';

const KEEP_ALIVE_MS = 15_000;

/** Connections of Node, which can be cut, noticed to be dead, and told whom to trust. Not in browsers. */
export function makeNodeTransport(tls: TlsOptions | undefined): Transport {
  const ca = tls === undefined ? {} : { ca: typeof tls.ca === 'string' ? tls.ca : [...tls.ca] };
  const connect = buildConnector({ keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, ...ca });
  const open = new Set<Socket>();
  const dispatcher = new Agent({
    connect: (options, callback) =>
      connect(options, (...[error, socket]) => {
        if (error !== null) {
          callback(error, null);
          return;
        }
        open.add(socket);
        socket.once('close', () => open.delete(socket));
        callback(null, socket);
      }),
  });
  return {
    fetch: (url, init) => fetch(url, { ...init, dispatcher }),
    openWebSocket: (url, protocols) => new WebSocket(url, { protocols, dispatcher }),
    destroy: () => {
      for (const socket of open) socket.destroy();
      // What was still on its way has nobody who waits for it.
      dispatcher.destroy().catch(() => undefined);
    },
  };
}
