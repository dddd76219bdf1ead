/*
 * What a hook reads. Invariants:
 * - the snapshot is the same object until something in it changed, and every reader of a source sees the same one;
 * - work runs while there is a listener, once for all of them, and ends when the last one has gone. It ends in a
 *   microtask: who leaves and comes back in one commit, as strict mode makes every component do, finds it running.
 */
import { useDebugValue, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import type { LinkStatus } from '../connection/link-status.ts';
import type { Watchable } from '../connection/watched.ts';

/** A value that changes, as `useSyncExternalStore` takes it. */
export interface Readable<T> {
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => T;
  /** What is rendered on a server, and first in a browser that takes over what a server rendered. */
  readonly getServerSnapshot: () => T;
}

/** What every result of a hook says about how far it is. */
export interface Loading {
  readonly status: string;
  readonly error: Error | undefined;
}

/** A source with work behind it. What failed for want of a connection is begun anew when there is one again. */
export abstract class Source<T extends Loading> implements Readable<T> {
  readonly #initial: T;
  readonly #link: Watchable<LinkStatus> | undefined;
  readonly #listeners = new Set<() => void>();
  #value: T;
  #stop: (() => void) | undefined;

  protected constructor(initial: T, link: Watchable<LinkStatus> | undefined) {
    this.#initial = initial;
    this.#value = initial;
    this.#link = link;
  }

  readonly getSnapshot = (): T => this.#value;
  readonly getServerSnapshot = (): T => this.#initial;

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => listener();
    this.#listeners.add(own);
    this.#stop ??= this.#run();
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) queueMicrotask(() => this.#endIfUnused());
    };
  };

  /** Begins the work; the result ends it. What it finds it gives to `set` until then. */
  protected abstract start(set: (value: T) => void): () => void;

  /** Called when the last reader has gone and the work has ended. */
  protected ended(): void {}

  #run(): () => void {
    let isRunning = true;
    let end = this.#begin(() => isRunning);
    const stopLink = this.#link?.subscribe(({ state }) => {
      if (state !== 'connected' || this.#value.status !== 'failed') return;
      end();
      this.#set(this.#initial);
      end = this.#begin(() => isRunning);
    });
    return () => {
      isRunning = false;
      stopLink?.();
      end();
    };
  }

  /** What work that was ended still finds is for nobody. */
  #begin(isRunning: () => boolean): () => void {
    let isCurrent = true;
    const end = this.start((value) => {
      if (isCurrent && isRunning()) this.#set(value);
    });
    return () => {
      isCurrent = false;
      end();
    };
  }

  #set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  #endIfUnused(): void {
    if (this.#listeners.size > 0 || this.#stop === undefined) return;
    const stop = this.#stop;
    this.#stop = undefined;
    stop();
    // What comes next begins anew: nothing is known of what happens meanwhile.
    this.#value = this.#initial;
    this.ended();
  }
}

/** What `useSource` reads where there is no source yet. */
export function constant<T>(value: T): Readable<T> {
  const read = (): T => value;
  return { subscribe: () => () => undefined, getSnapshot: read, getServerSnapshot: read };
}

/** The value of a source. */
export function useSource<T>(source: Readable<T>): T {
  const value = useSyncExternalStore(source.subscribe, source.getSnapshot, source.getServerSnapshot);
  useDebugValue(value);
  return value;
}

/** A part of a source's value; the component renders again only when that part is another, as `equals` sees it. */
export function useSelection<T, U>(
  source: Readable<T>,
  select: (value: T) => U,
  equals: (left: U, right: U) => boolean,
): U {
  const shown = useRef<{ readonly value: U } | undefined>(undefined);
  const [read, readOnServer] = useMemo(() => {
    let last: { readonly from: T; readonly value: U } | undefined;
    const pick = (from: T): U => {
      if (last !== undefined && Object.is(last.from, from)) return last.value;
      const next = select(from);
      const previous = last ?? shown.current;
      const value = previous !== undefined && equals(previous.value, next) ? previous.value : next;
      last = { from, value };
      return value;
    };
    return [(): U => pick(source.getSnapshot()), (): U => pick(source.getServerSnapshot())] as const;
  }, [source, select, equals]);
  const value = useSyncExternalStore(source.subscribe, read, readOnServer);
  useEffect(() => {
    shown.current = { value };
  }, [value]);
  useDebugValue(value);
  return value;
}

/** Throws what went wrong where a component asked for that, for the error boundary around it. */
export function useThrown(error: Error | undefined, throwErrors: boolean | undefined): void {
  if (throwErrors === true && error !== undefined) throw error;
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
