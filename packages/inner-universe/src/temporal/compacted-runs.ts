import { NervError } from '@inner-universe/nerv';
import type { ChainHashParts } from '@inner-universe/nerv/hash';
import type { CompactedRun } from '@inner-universe/nerv/temporal';
import { parseJson } from '@inner-universe/nerv/values';
import { MAX_READ_IDS, type CompactedRunRow } from '@inner-universe/module/wire';
import type { ReadPage } from '../client/change-source.ts';
import { pages } from '../client/reads.ts';

/** The lines of one store that were left out and end with these versions, with their headers; other ids are passed over. */
export async function findRuns(
  read: ReadPage,
  store: string,
  versionIds: readonly string[],
): Promise<readonly CompactedRun[]> {
  const ids = [...new Set(versionIds)];
  const found: CompactedRun[] = [];
  for (let from = 0; from < ids.length; from += MAX_READ_IDS) {
    const asked = ids.slice(from, from + MAX_READ_IDS);
    const readPart = (cursor: string) =>
      read('readCompactedRuns', { store, ids: asked, headers: true, cursor, limit: 0 });
    for await (const page of pages(readPart)) {
      for (const row of page.runs) if (row.store === store) found.push(makeRun(row));
    }
  }
  return found;
}

/** What a line that was left out keeps of each version, oldest first. @throws `state/corrupt-version` */
export function readHeaders({ id, headers }: CompactedRun): readonly Omit<ChainHashParts, 'parents'>[] {
  const list: unknown = parseJson(headers);
  if (!Array.isArray(list)) throw makeBadHeaders(id);
  return list.map((header: unknown) => {
    if (!Array.isArray(header) || header.length !== 4 || header.some((part) => typeof part !== 'string')) {
      throw makeBadHeaders(id);
    }
    const [dataHash, author, micros, description] = header as [string, string, string, string]; // checked above
    if (!/^-?[0-9]+$/.test(micros)) throw makeBadHeaders(id);
    return { dataHash, author, authoredAtMicros: BigInt(micros), description };
  });
}

function makeRun({ runId, ancestor, chainHash, headers }: CompactedRunRow): CompactedRun {
  return { id: runId, ancestor, chainHash, headers };
}

function makeBadHeaders(versionId: string): NervError {
  return new NervError(
    'state/corrupt-version',
    `What is kept of the versions left out up to '${versionId}' is damaged. Restore the history from another copy.`,
    { details: { versionId } },
  );
}
