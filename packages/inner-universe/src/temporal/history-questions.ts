import { stringify } from '@inner-universe/nerv/values';
import { NervError } from '@inner-universe/nerv';
import {
  expectedChainHash,
  parsePatch,
  touches,
  type LogFilter,
  type StatePath,
  type StateTree,
  type VerifyResult,
  type Version,
  type VersionGraph,
} from '@inner-universe/nerv/temporal';
import type { ReadPage } from '../client/change-source.ts';
import { ALL_VERSIONS } from '../client/reads.ts';
import { loadStoredText } from '../client/value-text.ts';
import type { VersionLog } from './version-log.ts';

/** Where versions, their deltas and their states are read. */
export interface HistorySource {
  readonly log: VersionLog;
  readonly read: ReadPage;
  readonly treeOf: (versionId: string) => Promise<StateTree>;
}

/** A version and those it descends from that a filter asks for, the last to arrive first. */
export async function findVersions(source: HistorySource, from: string, filter: LogFilter): Promise<Version[]> {
  const { log } = source;
  const tagged = filter.tag === undefined ? undefined : ((await log.tagged(filter.tag)) ?? '');
  const found: Version[] = [];
  const candidates = filter.firstParent === true ? log.line(from) : (await log.graph()).ancestry(from);
  for await (const version of candidates) {
    if (found.length >= (filter.limit ?? Number.POSITIVE_INFINITY)) break;
    if (tagged !== undefined && version.id !== tagged) continue;
    if (await matchesFilter(version, filter, source)) found.push(version);
  }
  return found;
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
async function touchesPath(version: Version, path: string, { read, treeOf }: HistorySource): Promise<boolean> {
  const page = await read('readState', { versionId: version.id, limit: 1 });
  const [step] = page.steps;
  if (step === undefined) return true;
  const scope = step.deltaEncoding === 'chunks/1' ? await scopeOf(version.id, read) : '';
  const text = await loadStoredText(read, { text: step.delta, encoding: step.deltaEncoding, scope });
  const touched = touches(parsePatch(text), path);
  const [parent] = version.parents;
  if (touched !== 'perhaps' || parent === undefined) return touched !== 'none';
  return shownAt(await treeOf(version.id), path) !== shownAt(await treeOf(parent), path);
}

async function scopeOf(versionId: string, read: ReadPage): Promise<string> {
  return (await read('readVersions', { ...ALL_VERSIONS, ids: [versionId] })).versions[0]?.version.scope ?? '';
}

/** What stands at a place, as text; undefined where nothing stands. */
function shownAt(tree: StateTree, path: StatePath): string | undefined {
  return tree.has(path) ? stringify(tree.get(path)) : undefined;
}

/** The version that made a place what it is at `from`: goes back into whichever parent had it so already. */
export async function findBlame({ log, treeOf }: HistorySource, from: string, path: StatePath): Promise<Version> {
  const wanted = shownAt(await treeOf(from), path);
  for (let version = await log.get(from); ;) {
    let origin: string | undefined;
    for (const parent of version.parents) {
      if (shownAt(await treeOf(parent), path) !== wanted) continue;
      origin = parent;
      break;
    }
    if (origin === undefined) return version;
    version = await log.get(origin);
  }
}

/** Checks the chain hash and the state of every version, parents first. */
export async function verifyHistory(
  graph: VersionGraph,
  treeOf: (versionId: string) => Promise<StateTree>,
): Promise<VerifyResult> {
  let versions = 0;
  for (const version of graph.versions()) {
    const expected = expectedChainHash(version, (id) => graph.get(id).chainHash);
    if (expected !== version.chainHash) {
      return {
        ok: false,
        versionId: version.id,
        reason: `its chain hash is ${version.chainHash}, and should be ${expected}`,
      };
    }
    try {
      await treeOf(version.id);
    } catch (error) {
      if (!(error instanceof NervError)) throw error;
      return { ok: false, versionId: version.id, reason: error.message };
    }
    versions += 1;
  }
  return { ok: true, versions };
}
