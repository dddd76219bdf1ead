import { NervError } from '../errors.ts';
import { idFault } from '../ids/id.ts';
import type { EmitOptions } from './event-bus.ts';
import type { BusOwnEvents, EventKind, EventMetadata, IncomingEvent, NervEvent } from './event.ts';
import { assertEventType } from './pattern.ts';

/** The greatest time in milliseconds that a Date holds. */
const MAX_TIME_MS = 8.64e15;
const NO_METADATA: EventMetadata = Object.freeze({});

/** Where a bus takes ids and times from. */
export interface EventOrigin {
  readonly nextId: () => string;
  readonly nowMs: () => number;
}

/** Makes an application event of what `emit` was given. */
export function makeEvent(origin: EventOrigin, type: string, data: unknown, options?: EmitOptions): NervEvent {
  assertNotOwnType(type);
  if (options === undefined) return makeBareEvent(origin, type, 'application', data);
  return makeIncomingEvent({
    id: options.id ?? origin.nextId(),
    type,
    data,
    timestamp: options.timestamp ?? origin.nowMs(),
    source: options.source,
    metadata: options.metadata,
  });
}

/**
 * Passes if a bus may publish this: for buses that send an event elsewhere before it is delivered.
 * @throws NervError `event/invalid`, as `emit` would
 */
export function assertPublishable(type: string, options: EmitOptions = {}): void {
  assertEventType(type);
  makeEvent({ nextId: () => 'any', nowMs: () => 0 }, type, undefined, options);
}

/** Makes one of the events that a bus itself emits. */
export function makeOwnEvent<T extends keyof BusOwnEvents>(
  origin: EventOrigin,
  type: T,
  data: BusOwnEvents[T],
): NervEvent<T, BusOwnEvents[T]> {
  return makeBareEvent(origin, type, 'system', data);
}

/**
 * Makes an event of one that comes from elsewhere.
 * @throws NervError `event/invalid`
 */
export function makeIncomingEvent(incoming: IncomingEvent): NervEvent {
  const { id, type, timestamp, source, seq } = incoming;
  const fault = idFault(id);
  if (fault !== undefined) throw invalidEvent(`The id ${fault}.`, { id, type });
  if (!(Math.abs(timestamp) <= MAX_TIME_MS)) {
    throw invalidEvent(`The timestamp ${timestamp} is not a time in milliseconds since 1970.`, { id, type, timestamp });
  }
  if (source !== undefined && typeof source !== 'string') {
    throw invalidEvent(`The source is a ${typeof source}, not a string.`, { id, type });
  }
  if (seq !== undefined && !(Number.isSafeInteger(seq) && seq >= 0)) {
    throw invalidEvent(`The seq ${seq} is not a whole number from 0.`, { id, type, seq });
  }
  return {
    id,
    type,
    kind: incoming.kind ?? 'application',
    data: incoming.data,
    timestamp,
    source,
    metadata: incoming.metadata === undefined ? NO_METADATA : Object.freeze({ ...incoming.metadata }),
    seq,
    pending: incoming.pending ?? false,
  };
}

/** Whether the type is one that only a bus itself emits. */
export function isOwnType(type: string): type is keyof BusOwnEvents {
  return type === 'handler.error' || type === 'event.rejected';
}

/** An error about a wrong event or argument. */
export function invalidEvent(message: string, details: Readonly<Record<string, unknown>>): NervError {
  return new NervError('event/invalid', message, { details });
}

function assertNotOwnType(type: string): void {
  if (!isOwnType(type)) return;
  throw invalidEvent(`The type '${type}' is the bus's own: it cannot be emitted. Choose another type.`, { type });
}

function makeBareEvent<T extends string, D>(origin: EventOrigin, type: T, kind: EventKind, data: D): NervEvent<T, D> {
  return {
    id: origin.nextId(),
    type,
    kind,
    data,
    timestamp: origin.nowMs(),
    source: undefined,
    metadata: NO_METADATA,
    seq: undefined,
    pending: false,
  };
}
