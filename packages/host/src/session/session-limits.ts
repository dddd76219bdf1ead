/** What one client may cost the host. */
export interface SessionLimits {
  /** Largest payload a client may send, in bytes. */
  readonly inboundPayloadBytesMax: number;
  /** Bytes of payloads that wait to be processed; a client that goes on sending although it was paused is closed. */
  readonly inboxBytesMax: number;
  /** Messages to a client that wait for durability; more of them close the client. */
  readonly outboxMessagesMax: number;
  /** Bytes to a client that are not out of this process yet; more of them close the client. */
  readonly outboxBytesMax: number;
  /** Largest single message to a client, in bytes: messages are never split. */
  readonly messageBytesMax: number;
  /** Up to how many bytes v3 messages are put together into one payload. */
  readonly payloadBytesMax: number;
  /** How long a client's messages are processed before others get their turn, in microseconds. */
  readonly turnMicrosMax: number;
}

const MIB = 1024 * 1024;

/** The limits of a host that says nothing else. */
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  inboundPayloadBytesMax: 32 * MIB,
  inboxBytesMax: 64 * MIB,
  outboxMessagesMax: 64 * 1024,
  outboxBytesMax: 128 * MIB,
  // C# clients refuse 64 MiB and more.
  messageBytesMax: 64 * MIB - 1,
  payloadBytesMax: 512 * 1024,
  turnMicrosMax: 8_000,
};
