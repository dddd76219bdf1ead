import { stringify } from '@inner-universe/nerv/values';
import { NervError } from '@inner-universe/nerv';
import {
  expectedChainHash,
  parsePatch,
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

/** A version and those it descends from that a filter asks for, the last to arrive first. */
export async function findVersions(
  log: VersionLog,
  from: string,
  filter: LogFilter,
  read: ReadPage,
): Promise<Version[]> {
  const tagged = filter.tag === undefined ? undefined : ((await log.tagged(filter.tag)) ?? '');
  const found: Version[] = [];
  const candidates = filter.firstParent === true ? log.line(from) : (await log.graph()).ancestry(from);
  for await (const version of candidates) {
    if (found.length >= (filter.limit ?? Number.POSITIVE_INFINITY)) break;
    if (tagged !== undefined && version.id !== tagged) continue;
    if (await matchesFilter(version, filter, read)) found.push(version);
  }
  return found;
}

/** Whether a version is one that a log filter asks for; its tag is not looked at. */
async function matchesFilter(version: Version, filter: LogFilter, read: ReadPage): Promise<boolean> {
  if (filter.author !== undefined && version.author !== filter.author) return false;
  if (filter.text !== undefined && !version.description.toLowerCase().includes(filter.text.toLowerCase())) return false;
  if (filter.authoredSince !== undefined && version.authoredAtMicros < BigInt(filter.authoredSince.getTime()) * 1000n)
    return false;
  if (filter.authoredUntil !== undefined && version.authoredAtMicros > BigInt(filter.authoredUntil.getTime()) * 1000n)
    return false;
  return filter.path === undefined || (await touchesPath(version.id, filter.path, read));
}

/** Whether a version's delta changed a place, something in it, or something around it. */
async function touchesPath(versionId: string, path: string, read: ReadPage): Promise<boolean> {
  const page = await read('readState', { versionId, limit: 1 });
  const [step] = page.steps;
  if (step === undefined) return true;
  const scope = step.deltaEncoding === 'chunks/1' ? await scopeOf(versionId, read) : '';
  const text = await loadStoredText(read, { text: step.delta, encoding: step.deltaEncoding, scope });
  return parsePatch(text).some(
    (operation) => overlaps(operation.path, path) || ('from' in operation && overlaps(operation.from, path)),
  );
}

async function scopeOf(versionId: string, read: ReadPage): Promise<string> {
  return (await read('readVersions', { ...ALL_VERSIONS, ids: [versionId] })).versions[0]?.version.scope ?? '';
}

function overlaps(a: string, b: string): boolean {
  return a === b || a === '' || b === '' || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}

/** The version on a first-parent line (newest first) that made a place what it is at its beginning. */
export async function findBlame(
  line: AsyncIterable<Version>,
  path: StatePath,
  treeOf: (versionId: string) => Promise<StateTree>,
): Promise<Version> {
  let last: Version | undefined;
  let wanted: string | undefined;
  for await (const version of line) {
    const tree = await treeOf(version.id);
    const found = tree.has(path) ? stringify(tree.get(path)) : undefined;
    if (last !== undefined && found !== wanted) return last;
    wanted = found;
    last = version;
  }
  if (last === undefined) throw new NervError('state/version-not-found', 'The line has no version.');
  return last;
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
