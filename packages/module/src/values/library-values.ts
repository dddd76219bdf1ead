import type { Context } from '../schema/database.ts';

/** The library's point in time; its class cannot be imported by a module's code, only its values are at hand. */
export type Timestamp = Context['timestamp'];
/** The library's identity. */
export type Identity = Context['sender'];

/** Makes a value the library writes as a timestamp. */
export function makeTimestamp(micros: bigint): Timestamp {
  // The encoder reads this one property; rows that were made so are decoded as whole Timestamps when read.
  return { __timestamp_micros_since_unix_epoch__: micros } as Timestamp;
}

/** The microseconds since the Unix epoch. */
export function micros(timestamp: Timestamp): bigint {
  return timestamp.__timestamp_micros_since_unix_epoch__;
}

/** Whether two identities are the same. */
export function isSameIdentity(left: Identity, right: Identity): boolean {
  return left.__identity__ === right.__identity__;
}

/** Whether two optional points in time are the same. */
export function isSameTime(left: Timestamp | undefined, right: Timestamp | undefined): boolean {
  return left === undefined || right === undefined ? left === right : micros(left) === micros(right);
}

/** The library's connection id. */
export type ConnectionId = NonNullable<Context['connectionId']>;

/** Makes a value the library writes as a connection id; 0 stands for none. */
export function makeConnectionId(id: bigint): ConnectionId {
  // As with timestamps: the encoder reads this one property.
  return { __connection_id__: id } as ConnectionId;
}

/** Makes a value the library writes as an identity. */
export function makeIdentity(id: bigint): Identity {
  // As with timestamps: the encoder reads this one property.
  return { __identity__: id } as Identity;
}
