import { NervError } from '../errors.ts';
import { idFault } from '../ids/id.ts';
import type { EmitOptions } from './event-bus.ts';
import type { BusOwnEvents, IncomingEvent, NervEvent } from './event.ts';
import { assertEventType } from './pattern.ts';

/** The greatest time in milliseconds that a Date holds. */
const MAX_TIME_MS = 8.64e15;

/**
 * Makes an event of one that comes from elsewhere. Whether the type is valid is seen when it is routed.
 * @throws NervError `event/invalid`
 */
export function makeIncomingEvent(incoming: IncomingEvent): NervEvent {
  const { id, type, kind = 'application', data, timestamp, source, metadata, seq, pending = false } = incoming;
  const fault = idFault(id);
  if (fault !== undefined) throw invalidEvent(`The id ${fault}.`, { id });
  check('timestamp', timestamp, Math.abs(timestamp) <= MAX_TIME_MS, 'a time in milliseconds since 1970');
  check('source', source, source === undefined || typeof source === 'string', 'a string');
  check('seq', seq, seq === undefined || (Number.isSafeInteger(seq) && seq >= 0), 'a whole number from 0');
  return {
    id,
    type,
    kind,
    data,
    timestamp,
    source,
    metadata: Object.freeze({ ...metadata }),
    seq,
    pending,
  };
}

/**
 * Passes if a bus may publish this: for buses that send an event elsewhere before it is delivered.
 * @throws NervError `event/invalid`, as `emit` would
 */
export function assertPublishable(type: string, options: EmitOptions = {}): void {
  assertEventType(type);
  assertNotOwn(type);
  const { id = 'any', timestamp = 0 } = options;
  makeIncomingEvent({ ...options, id, type, data: undefined, timestamp });
}

/** Whether the type is one that only a bus itself emits. */
export function isOwnType(type: string): type is keyof BusOwnEvents {
  return type === 'handler.error' || type === 'event.rejected';
}

/** @throws NervError `event/invalid` for a type that only a bus itself emits */
export function assertNotOwn(type: string): void {
  if (isOwnType(type)) throw invalidEvent(`Only the bus itself emits '${type}'. Choose another type.`, { type });
}

/** Gives a count that an option asks for. @throws NervError `event/invalid` unless it is a whole number from 1 */
export function checkedCount(name: string, value: number): number {
  check(name, value, Number.isSafeInteger(value) && value > 0, 'a whole number from 1');
  return value;
}

/** An error about a wrong event or argument. */
export function invalidEvent(message: string, details: Readonly<Record<string, unknown>>): NervError {
  return new NervError('event/invalid', message, { details });
}

function check(name: string, value: unknown, isRight: boolean, rule: string): void {
  if (!isRight) throw invalidEvent(`The ${name} is ${String(value)}; it must be ${rule}.`, { [name]: value });
}
