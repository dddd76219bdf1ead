import { NervError } from '@inner-universe/nerv';
import { chainHash } from '@inner-universe/nerv/hash';
import { expectedChainHash, type CompactedRun, type VerifyResult, type Version } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { readHeaders } from './compacted-runs.ts';
import type { VersionLog } from './version-log.ts';
import { VersionReader } from './version-reader.ts';

/** Reads and verifies a whole store afresh: what was read before is not relied on. */
export function verifyStore(client: ModuleClient, store: string, log: VersionLog): Promise<VerifyResult> {
  const { telemetry } = client;
  const reader = new VersionReader(client.readPage, (name) =>
    telemetry.count('state.verify_failures', 1, { store: name }),
  );
  return telemetry.span('state.verify', { store }, () => verifyHistory(log, reader));
}

/**
 * Checks the chain hash and the state of every version as it is stored, parents first; names the first that is bad.
 * Reads the whole history. `reader` must have read nothing yet.
 */
async function verifyHistory(log: VersionLog, reader: VersionReader): Promise<VerifyResult> {
  /** The chain hashes of what was found good. */
  const chain = new Map<string, string>();
  let versions = 0;
  for await (const entries of log.oldestFirst()) {
    const page = entries.map(({ version }) => version);
    const bad = await checkPage(page, { chain, log, reader });
    if (bad !== undefined) return { ok: false, ...bad };
    versions += page.length;
  }
  return { ok: true, versions };
}

interface Checking {
  readonly chain: Map<string, string>;
  readonly log: VersionLog;
  readonly reader: VersionReader;
}

interface BadVersion {
  readonly versionId: string;
  readonly reason: string;
}

async function checkPage(page: readonly Version[], { chain, log, reader }: Checking): Promise<BadVersion | undefined> {
  const here = new Set(page.map(({ id }) => id));
  const missing = page.flatMap(({ parents }) => parents.filter((id) => !chain.has(id) && !here.has(id)));
  const runs = new Map((await log.runs(missing)).map((run) => [run.id, run]));
  for (const version of page) {
    for (const parent of version.parents) {
      const run = runs.get(parent);
      if (run === undefined || chain.has(parent)) continue;
      if (runChainHash(run, chain) !== run.chainHash) return badChain(run, runChainHash(run, chain));
      chain.set(run.id, run.chainHash);
    }
    const lost = version.parents.find((id) => !chain.has(id));
    if (lost !== undefined) return { versionId: version.id, reason: `its parent ${lost} is not there` };
    const expected = expectedChainHash(version, (id) => chain.get(id) ?? '');
    if (expected !== version.chainHash) return badChain(version, expected);
    chain.set(version.id, version.chainHash);
    const [first] = version.parents;
    const bad = await checkState(
      reader,
      version.id,
      first === undefined ? undefined : (runs.get(first)?.ancestor ?? first),
    );
    if (bad !== undefined) return bad;
  }
  return undefined;
}

async function checkState(reader: VersionReader, versionId: string, parent?: string): Promise<BadVersion | undefined> {
  try {
    await reader.load(versionId, parent);
    return undefined;
  } catch (error) {
    if (!(error instanceof NervError) || !error.code.startsWith('state/')) throw error;
    const { versionId: named } = error.details;
    return { versionId: typeof named === 'string' ? named : versionId, reason: error.message };
  }
}

/** The chain hash that the last version of a run must have. */
function runChainHash(run: CompactedRun, chain: ReadonlyMap<string, string>): string {
  let last = chain.get(run.ancestor) ?? '';
  for (const header of readHeaders(run)) last = chainHash({ ...header, parents: [last] });
  return last;
}

function badChain(
  { id, chainHash: actual }: { readonly id: string; readonly chainHash: string },
  expected: string,
): BadVersion {
  return { versionId: id, reason: `its chain hash is ${actual}, and should be ${expected}` };
}
