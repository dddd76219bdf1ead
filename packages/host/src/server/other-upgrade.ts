import type { IncomingMessage, Server } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Duplex } from 'node:stream';

/** A request that offers another protocol, with the bytes that came behind its head. */
export interface OfferedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Whether a request that came with an `Upgrade` header is for a WebSocket. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket');
}

/**
 * Answers a request that offers a protocol which is not spoken here, such as `Upgrade: h2c`, as if it had not: to offer
 * is not to insist. Node hands the bare socket over, so the head is put back in front of what is still to be read,
 * without the offer, and the socket is given to the server again.
 */
export function answerWithoutUpgrade(server: Server, { request, socket, head }: OfferedUpgrade): void {
  socket.unshift(Buffer.concat([Buffer.from(headWithoutOffer(request), 'latin1'), head]));
  server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket);
}

/** The head as it came but for the headers of the offer. It was parsed, so no value can end a line. */
function headWithoutOffer({ method, url, rawHeaders }: IncomingMessage): string {
  const lines = [`${method ?? 'GET'} ${url ?? '/'} HTTP/1.1`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? '';
    const value = name.toLowerCase() === 'connection' ? withoutOffer(rawHeaders[at + 1] ?? '') : rawHeaders[at + 1];
    if (!['upgrade', 'http2-settings'].includes(name.toLowerCase()) && value !== '') lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function withoutOffer(connection: string): string {
  const tokens = connection.split(',').map((token) => token.trim());
  return tokens.filter((token) => !['upgrade', 'http2-settings'].includes(token.toLowerCase())).join(', ');
}
