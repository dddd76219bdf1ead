/**
 * Undo and redo per author, on any store. What was undone is read from the history itself: the first line of the
 * description of such a version names the version it took back or made again. So it works after a restart, in another
 * process, and beside other authors.
 */
import type { LocalTemporalStore } from './local-temporal-store.ts';
import type { LogFilter, MergeOptions, TemporalStore } from './temporal-store.ts';
import type { Version } from './version.ts';

/** Versions asked for at a time. */
const PAGE = 64;

/** How something is undone or redone: on which branch (default the one checked out), and how conflicts are decided. */
export type UndoOptions = Omit<MergeOptions, 'author' | 'description' | 'fastForward'>;

type Direction = 'undo' | 'redo';
type AnyStore = TemporalStore<never> | TemporalStore<unknown>;

/**
 * Commits the opposite of what an author did last on the branch and has not undone; what others did since stays. Gives
 * the new version, or `undefined` when there is nothing to undo (the first version of all is never undone).
 * @throws `MergeConflictError` where somebody changed the same place since and the options do not decide; as `revert`
 */
export function undo<S>(store: LocalTemporalStore<S>, author: string, options?: UndoOptions): string | undefined;
export function undo<S>(
  store: TemporalStore<S>,
  author: string,
  options?: UndoOptions,
): string | undefined | Promise<string | undefined>;
export function undo(store: AnyStore, author: string, options: UndoOptions = {}): unknown {
  return run(steps(store, author, options, 'undo'));
}

/**
 * Commits again what the author undid last, unless the author committed something else since.
 * @throws as `undo`
 */
export function redo<S>(store: LocalTemporalStore<S>, author: string, options?: UndoOptions): string | undefined;
export function redo<S>(
  store: TemporalStore<S>,
  author: string,
  options?: UndoOptions,
): string | undefined | Promise<string | undefined>;
export function redo(store: AnyStore, author: string, options: UndoOptions = {}): unknown {
  return run(steps(store, author, options, 'redo'));
}

/** What may have to be waited for is yielded, and given back when it is there. */
type Steps<T> = Generator<unknown, T, unknown>;

function* steps(
  store: AnyStore,
  author: string,
  options: UndoOptions,
  direction: Direction,
): Steps<string | undefined> {
  const found = yield* find(store, { author, branch: options.branch, firstParent: true }, direction);
  if (found === undefined) return undefined;
  const { revert, target } = found;
  const description = `${direction === 'undo' ? 'Undo' : 'Redo'} ${target.id}\n\n${target.description}`;
  // `revert` gives an id, or the promise of one.
  return (yield store.revert(revert, { ...options, author, description })) as string;
}

/** The version to revert, and the one that is thereby undone or redone. */
interface Found {
  readonly revert: string;
  readonly target: Version;
}

/** Goes back over the author's versions. What became of a version last is met first. */
function* find(store: AnyStore, filter: LogFilter, direction: Direction): Steps<Found | undefined> {
  const fates = new Map<string, Direction>();
  let from: string | undefined;
  for (;;) {
    // `log` gives versions, or the promise of them.
    const page = (yield store.log({ ...filter, from, limit: PAGE })) as Version[];
    for (const version of page) {
      if (version.id === from) continue;
      const marker = markerOf(version);
      if (marker === undefined) {
        if (fates.get(version.id) === 'undo') continue;
        const isUndoable = direction === 'undo' && version.parents.length > 0;
        return isUndoable ? { revert: version.id, target: version } : undefined;
      }
      if (fates.has(marker.id)) continue;
      fates.set(marker.id, marker.direction);
      if (direction === 'redo' && marker.direction === 'undo') {
        return { revert: version.id, target: (yield store.version(marker.id)) as Version }; // as above
      }
    }
    if (page.length < PAGE) return undefined;
    from = page.at(-1)?.id;
  }
}

function markerOf({ description }: Version): { readonly direction: Direction; readonly id: string } | undefined {
  const match = /^(Undo|Redo) (.+)\n\n/.exec(description);
  // Both groups took part in the match.
  return match === null ? undefined : { direction: match[1] === 'Undo' ? 'undo' : 'redo', id: match[2] as string };
}

/** Runs steps at once as long as nothing is to be waited for, and else to be awaited. */
function run<T>(work: Steps<T>, value?: unknown): T | Promise<T> {
  let step = work.next(value);
  while (step.done !== true) {
    if (step.value instanceof Promise) return continueAfter(work, step.value);
    step = work.next(step.value);
  }
  return step.value;
}

async function continueAfter<T>(work: Steps<T>, awaited: Promise<unknown>): Promise<T> {
  return run(work, await awaited);
}
