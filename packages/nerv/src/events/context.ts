// What an event inherits from the one in whose handler it was published, in its metadata:
//
//     correlationId              of the first event of the chain, or that event's id
//     causationId                the id of the event being handled
//     traceparent, tracestate    W3C trace context, as it is; dropped if not valid
//
// What the publisher says itself stands. Behind an `await` no browser knows which handler is running: there, publish
// through `publisherAfter`, or carry the context with an `AsyncLocalStorage` where there is one.

import type { BusMiddleware } from './bus-parts.ts';
import type { EmitOptions, EventPublisher } from './event-bus.ts';
import type { EventMetadata, NervEvent } from './event.ts';
import { isTracestate, tryParseTraceparent } from './trace-context.ts';

/** Knows which event is being handled right now. */
export interface ContextCarrier {
  current(): NervEvent | undefined;
  /** Calls back while `event` is the current one. */
  run<T>(event: NervEvent, call: () => T): T;
}

/** What is needed of Node's `AsyncLocalStorage`. */
export interface AsyncStorageLike {
  getStore(): unknown;
  run<T>(store: NervEvent, call: () => T): T;
}

/** Middleware that gives events the context of the event in whose handler they are published. */
export function carryContext(carrier: ContextCarrier = synchronousCarrier()): BusMiddleware {
  return {
    publish(event, next) {
      const cause = carrier.current();
      const metadata = { ...(cause === undefined ? {} : contextAfter(cause)), ...event.metadata };
      return next({ ...event, metadata: Object.freeze(withValidTrace(metadata)) });
    },
    handle: (event, next) => carrier.run(event, () => next(event)),
  };
}

/** A carrier that knows the event up to a handler's first `await`. */
export function synchronousCarrier(): ContextCarrier {
  let now: NervEvent | undefined;
  return {
    current: () => now,
    run(event, call) {
      const before = now;
      now = event;
      try {
        return call();
      } finally {
        now = before;
      }
    },
  };
}

/** A carrier that knows the event across awaits too: give it a `new AsyncLocalStorage()` of its own. */
export function asyncCarrier(storage: AsyncStorageLike): ContextCarrier {
  return {
    // Nobody else puts anything into a storage of its own.
    current: () => storage.getStore() as NervEvent | undefined,
    run: (event, call) => storage.run(event, call),
  };
}

/** The metadata that an event caused by this one inherits. */
export function contextAfter(cause: NervEvent): EventMetadata {
  const { correlationId, traceparent, tracestate } = cause.metadata;
  return withValidTrace({
    correlationId: typeof correlationId === 'string' ? correlationId : cause.id,
    causationId: cause.id,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  });
}

/** The part of a bus that publishes, of whatever events. */
export type AnyPublisher = Readonly<Record<'emit' | 'publish' | 'publishAndWait', (...rest: never) => unknown>>;

/** A publisher to any bus whose events are caused by this one, however much later they are published. */
export function publisherAfter<B extends AnyPublisher>(bus: B, cause: NervEvent): Pick<B, keyof AnyPublisher> {
  const context = contextAfter(cause);
  // Whoever publishes is bound by the types of the bus itself.
  const open = bus as unknown as EventPublisher;
  const withContext = <O extends EmitOptions>(options: O | undefined): O =>
    ({ ...options, metadata: { ...context, ...options?.metadata } }) as O;
  const publisher: EventPublisher = {
    emit: (type, data, options) => open.emit(type, data, withContext(options)),
    publish: (type, data, options) => open.publish(type, data, withContext(options)),
    publishAndWait: (type, data, options) => open.publishAndWait(type, data, withContext(options)),
  };
  return publisher as unknown as Pick<B, keyof AnyPublisher>;
}

/** Metadata without a trace context that is not valid: without a parent, the state means nothing. */
function withValidTrace(metadata: EventMetadata): EventMetadata {
  const { traceparent, tracestate, ...rest } = metadata;
  if (tryParseTraceparent(traceparent) === undefined) return rest;
  return isTracestate(tracestate) ? metadata : { ...rest, traceparent };
}
