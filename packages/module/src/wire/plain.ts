/**
 * The shapes that SpacetimeDB's special types have on this wire, as plain data. The SDK's `Timestamp`, `Identity`
 * and `ConnectionId` objects are assignable to them, and a plain object made here is accepted by the SDK's encoder,
 * so that code on either side needs no SDK class.
 */

/** A point in time: microseconds since the Unix epoch. */
export interface WireTimestamp {
  readonly __timestamp_micros_since_unix_epoch__: bigint;
}

/** Who calls: SpacetimeDB's 256-bit identity. */
export interface WireIdentity {
  readonly __identity__: bigint;
}

/** One connection of an identity: SpacetimeDB's 128-bit connection id. */
export interface WireConnectionId {
  readonly __connection_id__: bigint;
}

/** Makes the wire form of a time given in microseconds since the Unix epoch. */
export function makeWireTimestamp(micros: bigint): WireTimestamp {
  return { __timestamp_micros_since_unix_epoch__: micros };
}

/** The microseconds since the Unix epoch of a wire timestamp. */
export function microsOf(timestamp: WireTimestamp): bigint {
  return timestamp.__timestamp_micros_since_unix_epoch__;
}

/** The 64 lower-case hexadecimal digits by which grants name an identity. */
export function identityHex(identity: WireIdentity): string {
  return identity.__identity__.toString(16).padStart(64, '0');
}
