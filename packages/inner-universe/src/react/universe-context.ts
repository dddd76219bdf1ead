import type { EventBus } from '@inner-universe/nerv/events';
import type { EntityGraph } from '@inner-universe/nerv/graph';
import type { TemporalStore } from '@inner-universe/nerv/temporal';
import { createContext, createElement, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import type { LinkState, LinkStatus } from '../connection/link-status.ts';
import type { Watchable } from '../connection/watched.ts';
import { NervPersistenceError } from '../errors.ts';
import type { TemporalStoreOptions } from '../temporal/store-options.ts';
import type { Universe } from '../universe.ts';
import { asError, constant, useSource, type Readable } from './source.ts';

/** A state store that is closed when nobody uses it any more. */
export interface OpenStore<S> extends TemporalStore<S> {
  close?(): void;
}

/** What the hooks use of a universe: any `Universe` has it, and so may anything made of NERV's own parts. */
export interface UniverseParts {
  readonly events: EventBus;
  readonly graph: EntityGraph;
  readonly states: {
    open<S>(name: string, initial?: S, options?: TemporalStoreOptions): Promise<OpenStore<S>>;
  };
  readonly status: Watchable<LinkStatus>;
}

/** What a provider gives to the components below it. */
export interface Provided {
  readonly universe: UniverseParts | undefined;
  readonly error: Error | undefined;
}

/** How a universe is given to components. */
export interface UniverseProviderProps {
  /**
   * A universe, the promise of one (`openUniverse(…)`, called outside of components), or nothing yet. Whoever opened it
   * closes it.
   */
  readonly universe: UniverseParts | PromiseLike<UniverseParts> | undefined;
  readonly children?: ReactNode;
}

/** Where the universe stands: `opening` until it is there, `failed` if it could not be opened, then as its connection. */
export interface UniverseStatus {
  readonly state: LinkState | 'opening' | 'failed';
  /** Why it could not be opened, or how the last connection ended; undefined while connected. */
  readonly error: Error | undefined;
  /** More about the connection; undefined while there is none to tell about. */
  readonly link: LinkStatus | undefined;
}

const OPENING: Provided = Object.freeze({ universe: undefined, error: undefined });

/** Null: there is no provider. */
const UniverseContext = createContext<Provided | null>(null);

/** Gives a universe to the hooks in the components below. */
export function UniverseProvider({ universe: given, children }: UniverseProviderProps): ReactNode {
  const [awaited, setAwaited] = useState<{ readonly of: unknown; readonly provided: Provided } | undefined>();
  useEffect(() => {
    if (!isPromise(given)) return undefined;
    let isCurrent = true;
    const settle = (provided: Provided): void => {
      if (isCurrent) setAwaited({ of: given, provided });
    };
    given.then(
      (universe) => settle({ universe, error: undefined }),
      (error: unknown) => settle({ universe: undefined, error: asError(error) }),
    );
    return () => {
      isCurrent = false;
    };
  }, [given]);
  const provided = useMemo<Provided>(() => {
    if (!isPromise(given)) return given === undefined ? OPENING : { universe: given, error: undefined };
    return awaited?.of === given ? awaited.provided : OPENING;
  }, [given, awaited]);
  return createElement(UniverseContext.Provider, { value: provided }, children);
}

/** The universe, and why there is none: for hooks. Without a provider it says so as an error. */
export function useProvided(): Provided {
  return useContext(UniverseContext) ?? WITHOUT_PROVIDER;
}

/** The universe of the nearest provider; undefined while it is being opened, if that failed, and without a provider. */
export function useUniverse<U extends UniverseParts = Universe>(): U | undefined {
  // What was given to the provider is what the caller says it is.
  return useProvided().universe as U | undefined;
}

/** Where the universe stands, and what went wrong last. On a server, `opening`. */
export function useUniverseStatus(): UniverseStatus {
  const { universe, error } = useProvided();
  const source = useMemo<Readable<LinkStatus | undefined>>(
    () =>
      universe === undefined
        ? constant(undefined)
        : { ...pickWatchable(universe.status), getServerSnapshot: () => undefined },
    [universe],
  );
  const link = useSource(source);
  const failure = useSource(
    useMemo(() => ({ ...constant<Error | undefined>(error), getServerSnapshot: () => undefined }), [error]),
  );
  return useMemo(() => {
    if (link !== undefined) return { state: link.state, error: link.lastError, link };
    return { state: failure === undefined ? 'opening' : 'failed', error: failure, link };
  }, [link, failure]);
}

const WITHOUT_PROVIDER: Provided = Object.freeze({
  universe: undefined,
  error: new NervPersistenceError(
    'config/invalid',
    'There is no UniverseProvider around this component. Put one around the application and give it the universe.',
  ),
});

function pickWatchable<T>({ subscribe, getSnapshot }: Watchable<T>): Pick<Readable<T>, 'subscribe' | 'getSnapshot'> {
  return { subscribe: (listener) => subscribe(() => listener()), getSnapshot };
}

function isPromise(given: UniverseProviderProps['universe']): given is PromiseLike<UniverseParts> {
  return given !== undefined && 'then' in given && typeof given.then === 'function';
}
