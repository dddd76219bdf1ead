import { redo, undo, type Change, type DeepReadonly, type Version } from '@inner-universe/nerv/temporal';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { SharedCommitOptions } from '../temporal/state-commit.ts';
import { NervPersistenceError } from '../errors.ts';
import { loadingView, shareStore, type SharedStoreOptions, type SharedView } from './shared-stores.ts';
import { asError, constant, useSelection, useSource, useThrown, type Readable } from './source.ts';
import { useProvided, type OpenStore } from './universe-context.ts';

/** What became of a commit, an undo or a redo. `versionId` is undefined where there was nothing to undo or redo. */
export type CommitResult =
  | { readonly ok: true; readonly versionId: string | undefined; readonly error?: undefined }
  | { readonly ok: false; readonly error: Error };

/** Commits a change; as `TemporalStore.commit`, but that it never rejects. Shown at once, as pending, unless told not to. */
export type CommitState<S> = (change: Change<S>, options?: string | SharedCommitOptions) => Promise<CommitResult>;

const HISTORY_MAX = 1_000;

/** How a store is used by a component. */
export interface StateOptions extends SharedStoreOptions {
  /** The author of commits that name none, and of whom `undo` and `redo` take back; a label, never trusted. */
  readonly author?: string | undefined;
  /** Whether commits are shown before they are recorded. Default true. */
  readonly optimistic?: boolean | undefined;
  /** Throws what keeps the store from opening, for an error boundary. Default false: it is told by `error`. */
  readonly throwErrors?: boolean | undefined;
}

/** How a store is used by a component that shows its state. */
export interface VersionedStateOptions extends StateOptions {
  /** Tells this many of the latest versions, at most 1,000; read again with each new version. Default 0: none. */
  readonly history?: number | undefined;
}

/** A versioned state as a component sees it. Everything in it is of one moment. */
export interface VersionedState<S> {
  /** Undefined until it is loaded. */
  readonly state: DeepReadonly<S> | undefined;
  readonly versionId: string | undefined;
  readonly branch: string;
  /** `pending`: it shows commits of one's own that are not recorded yet. `failed`: it could not be opened, see `error`. */
  readonly status: 'loading' | 'pending' | 'confirmed' | 'failed';
  /** What keeps it from opening, why the last commit from here was refused (until one is not), or why history is not read. */
  readonly error: Error | undefined;
  /** The latest versions, the newest first, as far as asked for. */
  readonly history: readonly Version[];
  readonly commit: CommitState<S>;
  /** Takes back what `author` did last and has not undone; what others did since stays. */
  readonly undo: () => Promise<CommitResult>;
  readonly redo: () => Promise<CommitResult>;
  /** The store itself, for everything else; shared, so its branch is not to be switched. Undefined until it is open. */
  readonly store: OpenStore<S> | undefined;
}

/** A part of a versioned state as a component sees it. */
export interface StateSelection<S, T> {
  /** Undefined until it is loaded. */
  readonly selected: T | undefined;
  readonly status: 'loading' | 'ready' | 'failed';
  /** As `VersionedState.error`. */
  readonly error: Error | undefined;
  readonly commit: CommitState<S>;
}

/**
 * A state store of the universe, opened when the first component uses it and closed when the last one is gone. `initial`
 * becomes its first version if it has none; what it is later makes no difference.
 */
export function useVersionedState<S>(
  name: string,
  initial?: S,
  options: VersionedStateOptions = {},
): VersionedState<S> {
  const view = useSource(useShared<S>(name, initial, options));
  const { state, versionId, branch, status, store } = view;
  useThrown(view.error, options.throwErrors);
  const { versions: history, failure } = useHistory(store, versionId, options.history ?? 0);
  const { commit, undo: undoLast, redo: redoLast, refusal } = useCommits(store, options);
  const error = view.error ?? refusal ?? failure;
  return useMemo(
    () => ({ state, versionId, branch, status, error, history, commit, undo: undoLast, redo: redoLast, store }),
    [state, versionId, branch, status, error, history, commit, undoLast, redoLast, store],
  );
}

/**
 * A part of a state store of the universe. The component renders again only when that part is another: `Object.is`,
 * unless `equals` says otherwise. The selector may be a new function each time, and must not change anything.
 */
export function useStateSelection<S, T>(
  name: string,
  selector: (state: DeepReadonly<S>) => T,
  options: StateOptions & {
    readonly initial?: S | undefined;
    readonly equals?: ((left: T, right: T) => boolean) | undefined;
  } = {},
): StateSelection<S, T> {
  const { equals = Object.is, initial } = options;
  const seen = useSelection<SharedView<S>, Seen<S, T>>(
    useShared<S>(name, initial, options),
    ({ store, state, status, error }) =>
      status === 'loading' || status === 'failed'
        ? { status, error, store, selected: undefined }
        : // An open store has a state.
          { status: 'ready', error, store, selected: { value: selector(state as DeepReadonly<S>) } },
    (left, right) => isSame(left, right, equals),
  );
  useThrown(seen.error, options.throwErrors);
  const { commit, refusal } = useCommits(seen.store, options);
  const { status, selected } = seen;
  const error = seen.error ?? refusal;
  return useMemo(() => ({ selected: selected?.value, status, error, commit }), [selected, status, error, commit]);
}

interface Seen<S, T> {
  readonly status: 'loading' | 'ready' | 'failed';
  readonly error: Error | undefined;
  readonly store: OpenStore<S> | undefined;
  readonly selected: { readonly value: T } | undefined;
}

function isSame<S, T>(left: Seen<S, T>, right: Seen<S, T>, equals: (left: T, right: T) => boolean): boolean {
  if (left.status !== right.status || left.error !== right.error || left.store !== right.store) return false;
  if (left.selected === undefined || right.selected === undefined) return left.selected === right.selected;
  return equals(left.selected.value, right.selected.value);
}

function useShared<S>(name: string, initial: S | undefined, options: SharedStoreOptions): Readable<SharedView<S>> {
  const { universe, error } = useProvided();
  const { branch = 'main', scope, snapshots } = options;
  return useMemo(
    () => {
      if (universe !== undefined) return shareStore<S>(universe, name, initial, { branch, scope, snapshots });
      const loading = loadingView<S>(branch);
      if (error === undefined) return constant(loading);
      // On a server, where nothing is opened, it is loading in any case.
      const failed = Object.freeze({ ...loading, status: 'failed' as const, error });
      return { ...constant<SharedView<S>>(failed), getServerSnapshot: () => loading };
    },
    // What it starts with counts when it is opened, and how snapshots are made does as well.
    [universe, error, name, branch, scope],
  );
}

function useCommits<S>(
  store: OpenStore<S> | undefined,
  { author, optimistic = true }: StateOptions,
): {
  commit: CommitState<S>;
  undo: () => Promise<CommitResult>;
  redo: () => Promise<CommitResult>;
  refusal: Error | undefined;
} {
  const [refused, setRefused] = useState<{ readonly of: unknown; readonly error: Error | undefined } | undefined>();
  const run = useCallback(
    async (work: (open: OpenStore<S>) => unknown): Promise<CommitResult> => {
      try {
        if (store === undefined) throw makeNotOpen();
        const versionId = (await work(store)) as string | undefined; // what commit, undo and redo give
        setRefused(undefined);
        return { ok: true, versionId };
      } catch (thrown) {
        const error = asError(thrown);
        setRefused({ of: store, error });
        return { ok: false, error };
      }
    },
    [store],
  );
  const commit = useCallback<CommitState<S>>(
    (change, options = {}) => {
      const described: SharedCommitOptions = typeof options === 'string' ? { description: options } : options;
      return run((open) => open.commit(change, { author, optimistic, ...described } as SharedCommitOptions));
    },
    [run, author, optimistic],
  );
  const undoLast = useCallback(() => run((open) => undo(open, authorOf(author))), [run, author]);
  const redoLast = useCallback(() => run((open) => redo(open, authorOf(author))), [run, author]);
  const refusal = refused?.of === store ? refused?.error : undefined;
  return { commit, undo: undoLast, redo: redoLast, refusal };
}

interface History {
  readonly versions: readonly Version[];
  /** Why they could not be read last. */
  readonly failure?: Error | undefined;
}

const NO_HISTORY: History = Object.freeze({ versions: Object.freeze([]) });

/** The latest versions of a store; those of a version before until the next ones are read. */
function useHistory<S>(store: OpenStore<S> | undefined, versionId: string | undefined, wanted: number): History {
  const limit = Math.min(wanted, HISTORY_MAX);
  const [read, setRead] = useState<(History & { readonly of: unknown }) | undefined>();
  useEffect(() => {
    if (store === undefined || limit <= 0) return undefined;
    let isCurrent = true;
    const settle = (change: (before: readonly Version[]) => History): void => {
      if (!isCurrent) return;
      setRead((before) => ({ of: store, ...change(before?.of === store ? before.versions : NO_HISTORY.versions) }));
    };
    readLog(store, limit).then(
      (versions) => settle(() => ({ versions })),
      (error: unknown) => settle((versions) => ({ versions, failure: asError(error) })),
    );
    return () => {
      isCurrent = false;
    };
  }, [store, versionId, limit]);
  return limit > 0 && read !== undefined && read.of === store ? read : NO_HISTORY;
}

async function readLog<S>(store: OpenStore<S>, limit: number): Promise<readonly Version[]> {
  return store.log({ limit });
}

function authorOf(author: string | undefined): string {
  if (author !== undefined) return author;
  throw new NervPersistenceError(
    'config/invalid',
    'undo and redo take back what one author did. Give the hook `author`, who commits from here.',
  );
}

function makeNotOpen(): NervPersistenceError {
  return new NervPersistenceError(
    'universe/open-failed',
    'The store is not open yet, or could not be opened, so nothing was committed. Wait until `status` is neither loading nor failed.',
  );
}
