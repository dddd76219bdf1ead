import type { EventBus, EventMap, EventOf, NervEvent } from '@inner-universe/nerv/events';
import { useEffect, useMemo, useRef, useState } from 'react';
import { NervPersistenceError } from '../errors.ts';
import { EventList, noEvents, type EventsFrom, type EventsResult } from './event-list.ts';
import { asError, constant, useSource, useThrown, type Readable } from './source.ts';
import { useProvided } from './universe-context.ts';

/** How events are listed. */
export interface EventsOptions {
  /** The most events to list, 1 to 10,000. Default 100. */
  readonly limit?: number | undefined;
  /** Default `'now'`. */
  readonly from?: EventsFrom | undefined;
  /** A bus of the application's own. Default: the universe's. */
  readonly bus?: EventBus | undefined;
  /** Throws what goes wrong, for an error boundary. Default false: it is told by `error`. */
  readonly throwErrors?: boolean | undefined;
}

const LIMIT = 100;
const LIMIT_MAX = 10_000;

/**
 * Calls the handler for each event of the pattern while the component is there. The handler may be a new function each
 * time; the latest one is called. What it throws is reported where the bus reports errors. Gives why nothing can be
 * subscribed to, such as a bus that is closed.
 */
export function useEvent<M extends object = EventMap, P extends string = string>(
  pattern: P,
  handler: (event: EventOf<M, P>) => unknown,
  options: Pick<EventsOptions, 'bus'> = {},
): Error | undefined {
  const { universe } = useProvided();
  const bus = options.bus ?? universe?.events;
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  const [error, setError] = useState<Error | undefined>();
  useEffect(() => {
    if (bus === undefined) return undefined;
    try {
      // The pattern gives these events by the map that the caller names.
      const subscription = bus.subscribe(pattern, (event: NervEvent) => latest.current(event as EventOf<M, P>));
      setError(undefined);
      return () => subscription.unsubscribe();
    } catch (thrown) {
      setError(asError(thrown));
      return undefined;
    }
  }, [bus, pattern]);
  return error;
}

/** The latest events of a pattern, as a list that grows up to its limit and then forgets the oldest. */
export function useEvents<M extends object = EventMap, P extends string = string>(
  pattern: P,
  options: EventsOptions = {},
): EventsResult<EventOf<M, P>> {
  const { universe, error } = useProvided();
  const { limit = LIMIT, from = 'now' } = options;
  const bus = options.bus ?? universe?.events;
  const link = options.bus === undefined ? universe?.status : undefined;
  const key = typeof from === 'string' ? from : JSON.stringify(from);
  const source = useMemo<Readable<EventsResult<NervEvent>>>(
    () => {
      const wrong = checkLimit(limit);
      if (wrong !== undefined) return constant(noEvents('failed', wrong));
      if (bus !== undefined) return new EventList(bus, link, { pattern, from, limit });
      const loading = noEvents('loading');
      return error === undefined
        ? constant(loading)
        : { ...constant(noEvents('failed', error)), getServerSnapshot: () => loading };
    },
    // The key says all that `from` does.
    [bus, link, error, pattern, limit, key],
  );
  const result = useSource(source) as EventsResult<EventOf<M, P>>; // as above
  useThrown(result.error, options.throwErrors);
  return result;
}

function checkLimit(limit: number): Error | undefined {
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMIT_MAX) return undefined;
  return new NervPersistenceError(
    'config/invalid',
    `useEvents: \`limit\` is ${limit}; it may be 1 to ${LIMIT_MAX}. To go through more, use events.query.`,
    { details: { limit } },
  );
}
