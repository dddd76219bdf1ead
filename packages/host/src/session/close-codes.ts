/** Close codes that the host uses, one table for every transport. */
export const CLOSE_CODES = {
  /** The client asked for it. */
  normal: 1000,
  /** The host shuts down, or the database is gone. */
  goingAway: 1001,
  /** The client's token has expired: connect again with another one. */
  expired: 1008,
  /** What the client sent cannot be understood, or the host failed. */
  error: 1011,
  /** The thread of the database ended: it is opened again from its storage. Connect again. */
  restarting: 1012,
  /** The client sends faster than it is served, or reads slower than it is written to. */
  tryAgain: 1013,
} as const;

/** Why a client is ended that was to be told of what will never be durable. At most `REASON_BYTES_MAX` bytes. */
export const STORAGE_FAILED_REASON =
  'storage/write-failed: what was not acknowledged may be lost. Connect again to read; nothing is written any more';

/** Longest close reason a WebSocket frame can carry, in bytes of UTF-8. */
export const REASON_BYTES_MAX = 123;

/** The longest beginning of a reason that fits into a close frame, cut between characters. */
export function shortenReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= REASON_BYTES_MAX) return reason;
  let end = REASON_BYTES_MAX;
  // Bytes of the form 10xxxxxx continue a character: step back to where one starts.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
