// Schemas per event type, of any library that follows Standard Schema.
//
// - Application events of a type that has a schema are delivered only if it takes their data, wherever they come from,
//   and carry what the schema made of it.
// - An event that was checked where it was published is checked again where it is received: a schema that changes
//   data must take what it gives.

import { NervError } from '../errors.ts';
import type { BusMiddleware, EventStage } from './bus-parts.ts';
import type { NervEvent } from './event.ts';
import { isPromiseLike } from './promise-like.ts';
import type { InputOf, OutputOf, StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts';

/** Event types and their schemas. */
export type SchemaMap = Readonly<Record<string, StandardSchema>>;

/** What handlers get: `new EventBus<OutputsOf<typeof schemas>, InputsOf<typeof schemas>>`. */
export type OutputsOf<S extends SchemaMap> = { [T in keyof S]: OutputOf<S[T]> };

/** What publishers give. */
export type InputsOf<S extends SchemaMap> = { [T in keyof S]: InputOf<S[T]> };

/** What becomes of types without a schema; default `'pass'`. */
export interface SchemaOptions {
  readonly unlisted?: 'pass' | 'refuse' | undefined;
}

/**
 * Middleware that checks data against schemas. Data that does not fit is refused with `event/invalid-data`, whose
 * `details.issues` name what and where: thrown by the publisher's call, or told as of all asynchronous middleware if
 * the schema is asynchronous.
 */
export function checkSchemas(schemas: SchemaMap, options: SchemaOptions = {}): BusMiddleware {
  const known = new Map(Object.entries(schemas));
  const check: EventStage = (event, next) => {
    if (event.kind === 'system') return next(event);
    const schema = known.get(event.type);
    if (schema !== undefined) return validate(schema, event, next);
    if (options.unlisted === 'refuse') throw refusal(event, [{ message: 'There is no schema for this type.' }]);
    return next(event);
  };
  return { publish: check, receive: check };
}

function validate(schema: StandardSchema, event: NervEvent, next: (event: NervEvent) => unknown): unknown {
  const take = (result: StandardResult<unknown>): unknown => {
    if (result.issues !== undefined) throw refusal(event, result.issues);
    return next(result.value === event.data ? event : { ...event, data: result.value });
  };
  const result = schema['~standard'].validate(event.data);
  return isPromiseLike(result) ? result.then(take) : take(result);
}

function refusal(event: NervEvent, found: readonly StandardIssue[]): NervError {
  const issues = found.map(({ message, path = [] }) => ({ message, path: path.map(keyOf) }));
  const shown = issues.map(({ message, path }) => (path.length > 0 ? `${path.join('.')}: ${message}` : message));
  return new NervError('event/invalid-data', `The data of event '${event.type}' does not fit: ${shown.join('; ')}`, {
    details: { id: event.id, type: event.type, issues },
  });
}

// Symbols and numbers are shown as text, which is plain data.
function keyOf(segment: PropertyKey | { readonly key: PropertyKey }): string {
  return String(typeof segment === 'object' ? segment.key : segment);
}
