import type { StateStep } from '@inner-universe/module/wire';
import { appendPointer, escapeKey, parsePointer } from '@inner-universe/nerv/values';
import { parsePatch, touches, type StatePath, type StateTree, type Version } from '@inner-universe/nerv/temporal';
import { checkPath } from './check-arguments.ts';
import { loadDelta, shownAt, type HistorySource } from './history-questions.ts';

/**
 * The version that made a place what it is at `from`: goes back into whichever parent had it so already. Reads deltas by
 * pages, and states only where a delta touches the place.
 */
export async function findBlame(source: HistorySource, from: string, path: StatePath): Promise<Version> {
  checkPath(path);
  const tree = await source.treeOf(from);
  const place = { path, wanted: shownAt(tree, path), pointer: pointerOf(tree, path) };
  for (let next = from; ;) {
    const origin = await findOrigin(source, next, place);
    if (origin.parent === undefined) return origin.version;
    next = origin.parent;
  }
}

/** A place, and what stands there. */
interface Place {
  readonly path: StatePath;
  readonly wanted: string | undefined;
  /** The place, or one that it lies in, as a JSON pointer. */
  readonly pointer: string;
}

/** Goes back along first parents as far as one page of deltas leads, or to where the place was made or merged in. */
async function findOrigin(
  source: HistorySource,
  from: string,
  place: Place,
): Promise<{ readonly version: Version; readonly parent: string | undefined }> {
  const page = await source.read('readState', { versionId: from, limit: 0 });
  let last = from;
  for (const step of page.steps) {
    last = step.versionId;
    if (await mayTouch(source, step, place.pointer)) return comeFrom(source, last, place);
  }
  if (page.continueFrom !== '') return { version: await source.log.get(last), parent: page.continueFrom };
  return comeFrom(source, page.snapshot?.versionId ?? last, place);
}

async function mayTouch(source: HistorySource, step: StateStep, pointer: string): Promise<boolean> {
  return touches(parsePatch(await loadDelta(source.read, step)), pointer) !== 'none';
}

/** The parent that had the place as it is in this version; none if it was made here. */
async function comeFrom(
  { log, treeOf }: HistorySource,
  versionId: string,
  { path, wanted }: Place,
): Promise<{ readonly version: Version; readonly parent: string | undefined }> {
  const version = await log.get(versionId);
  for (const parent of await log.parentsOf(version)) {
    if (shownAt(await treeOf(parent), path) === wanted) return { version, parent };
  }
  return { version, parent: undefined };
}

/** The place as a JSON pointer, cut where it leads into what is neither an object nor an array in the encoded form. */
function pointerOf(tree: StateTree, path: StatePath): string {
  const keys = typeof path === 'string' ? parsePointer(path) : path.map((key) => escapeKey(String(key)));
  let pointer = '';
  for (const key of keys) {
    if (!isPlain(tree.get(pointer))) return pointer;
    pointer = appendPointer(pointer, key);
  }
  return pointer;
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
