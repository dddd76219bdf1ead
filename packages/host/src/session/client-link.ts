/**
 * The way to one connected client, whatever carries it. A payload is the body of one protocol message (v2) or of one
 * or more of them (v3), given as chunks that follow each other, without the compression tag: a WebSocket puts the tag
 * before it, the in-process pair does not. A link copies what it keeps: chunks may be shared between clients.
 */
export interface ClientLink {
  send(payload: readonly Uint8Array[]): void;
  /** Bytes that were handed to `send` and are still on their way out of this process. */
  readonly bufferedBytes: number;
  /** Ends the connection. The reason must be short; what was sent before is still delivered if the client reads. */
  close(code: number, reason: string): void;
  /** Asks the client's side to hold its messages back until `resume`; links that cannot ignore it. */
  pause(): void;
  resume(): void;
}

/** The chunks as one new array, with `prefix` before them. */
export function concatChunks(chunks: readonly Uint8Array[], prefix: readonly number[] = []): Uint8Array {
  let length = prefix.length;
  for (const chunk of chunks) length += chunk.length;
  const joined = new Uint8Array(length);
  joined.set(prefix);
  let at = prefix.length;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
