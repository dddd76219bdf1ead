import type { StateStep } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { stringify } from '@inner-universe/nerv/values';
import {
  parsePatch,
  touches,
  type LogFilter,
  type StatePath,
  type StateTree,
  type Version,
} from '@inner-universe/nerv/temporal';
import type { ReadPage } from '../client/change-source.ts';
import { ALL_VERSIONS } from '../client/reads.ts';
import { loadStoredText } from '../client/value-text.ts';
import { checkLogFilter } from './check-arguments.ts';
import type { VersionLog } from './version-log.ts';

/** Where versions, their deltas and their states are read. */
export interface HistorySource {
  readonly log: VersionLog;
  readonly read: ReadPage;
  readonly treeOf: (versionId: string) => Promise<StateTree>;
}

/**
 * A version and those it descends from that a filter asks for, the last to arrive first. Reads as far as it must.
 * @throws {NervError} `state/invalid-argument`
 */
export async function findVersions(source: HistorySource, from: string, filter: LogFilter): Promise<Version[]> {
  checkLogFilter(filter);
  const { log } = source;
  const limit = checkedLimit(filter);
  const tagged = filter.tag === undefined ? undefined : ((await log.tagged(filter.tag)) ?? '');
  const found: Version[] = [];
  if (limit === 0) return found;
  const candidates = filter.firstParent === true ? log.line(from, limit) : log.ancestry(from, limit);
  for await (const version of candidates) {
    if (tagged !== undefined && version.id !== tagged) continue;
    if (await matchesFilter(version, filter, source)) found.push(version);
    if (found.length >= limit || version.id === tagged) break;
  }
  return found;
}

function checkedLimit({ limit = Number.POSITIVE_INFINITY }: LogFilter): number {
  if (limit === Number.POSITIVE_INFINITY || (Number.isSafeInteger(limit) && limit >= 0)) return limit;
  throw new NervError('state/invalid-argument', `The option 'limit' is ${limit}; it must be a whole number from 0.`, {
    details: { limit },
  });
}

/** Whether a version is one that a log filter asks for; its tag is not looked at. */
async function matchesFilter(version: Version, filter: LogFilter, source: HistorySource): Promise<boolean> {
  if (filter.author !== undefined && version.author !== filter.author) return false;
  if (filter.text !== undefined && !version.description.toLowerCase().includes(filter.text.toLowerCase())) return false;
  if (filter.authoredSince !== undefined && version.authoredAtMicros < BigInt(filter.authoredSince.getTime()) * 1000n)
    return false;
  if (filter.authoredUntil !== undefined && version.authoredAtMicros > BigInt(filter.authoredUntil.getTime()) * 1000n)
    return false;
  return filter.path === undefined || (await touchesPath(version, filter.path, source));
}

/** Whether a version's delta changed a place, something in it, or something around it. */
async function touchesPath(version: Version, path: string, { read, log, treeOf }: HistorySource): Promise<boolean> {
  const [step] = (await read('readState', { versionId: version.id, limit: 1 })).steps;
  const touched = step === undefined ? 'perhaps' : touches(parsePatch(await loadDelta(read, step)), path);
  const [parent] = await log.parentsOf(version);
  if (touched !== 'perhaps' || parent === undefined) return touched !== 'none';
  return shownAt(await treeOf(version.id), path) !== shownAt(await treeOf(parent), path);
}

/** The text of a step's delta, wherever it lies. */
export async function loadDelta(read: ReadPage, step: StateStep): Promise<string> {
  const { delta: text, deltaEncoding: encoding, versionId } = step;
  const scope = encoding === 'chunks/1' ? await scopeOf(versionId, read) : '';
  return loadStoredText(read, { text, encoding, scope });
}

async function scopeOf(versionId: string, read: ReadPage): Promise<string> {
  return (await read('readVersions', { ...ALL_VERSIONS, ids: [versionId] })).versions[0]?.version.scope ?? '';
}

/** What stands at a place, as text; undefined where nothing stands. */
export function shownAt(tree: StateTree, path: StatePath): string | undefined {
  return tree.has(path) ? stringify(tree.get(path)) : undefined;
}
