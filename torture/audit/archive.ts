import { archiveEvents, NodeArchiveFiles, openArchive, type ArchiveContents, type Universe } from 'inner-universe';
import { archiveIn, LATE_CONSUMER } from '../deeds.ts';
import { readJournal } from '../journal.ts';
import type { LoggedEvent } from './events.ts';
import type { Findings } from './findings.ts';

/** What the last run of archiving leaves in the log. */
const KEPT = 50;
/** How long a consumer that begins now has for everything there ever was, in milliseconds. */
const CONSUME_MS = 120_000;

/** An archiver goes on after whatever ended its last run: no run failed by itself. */
export function auditArchiver(path: string, findings: Findings): void {
  for (const entry of readJournal(path)) {
    if ('failed' in entry) findings.add('archiving goes on after whatever ended it', '', JSON.stringify(entry));
    if ('trimmed' in entry) findings.count('rows trimmed while all went on', Number(entry.trimmed));
  }
}

/** One more run, by somebody else: it goes on where the killed ones ended, and is held by whoever holds the log. */
export async function archiveOnce(universe: Universe, directory: string, findings: Findings): Promise<void> {
  const files = new NodeArchiveFiles(archiveIn(directory));
  const result = await archiveEvents(universe.client, files, { limits: { maxEvents: KEPT } });
  findings.require(
    result.trimmedSeq > 0n,
    'the log is trimmed once it is archived',
    '',
    `${result.archivedSeq} rows are archived and none is trimmed; held by ${result.heldBy}`,
  );
}

/** Archive and log together are every row that there ever was: each once, in order, and the same where both have it. */
export async function auditArchive(owner: Universe, directory: string, findings: Findings): Promise<void> {
  const archive = openArchive(archiveIn(directory));
  let contents: ArchiveContents | undefined;
  try {
    contents = await archive.verify();
  } catch (error) {
    findings.add('every segment of an archive verifies', '', String(error));
    return;
  }
  const ids = new Map<bigint, string>();
  const seqOf = new Map<string, bigint>();
  for await (const { seq, eventId } of archive.rows()) {
    findings.count('rows archived');
    findings.require(!ids.has(seq), 'a row is archived once', eventId, `seq ${seq} is in the archive twice`);
    ids.set(seq, eventId);
  }
  const { seq: last, trimmedSeq } = await readRest(owner, (seq, eventId) => {
    const archived = ids.get(seq);
    const isSame = archived === undefined || archived === eventId;
    findings.require(isSame, 'archive and log say the same', eventId, `seq ${seq}: ${archived} in the archive`);
    ids.set(seq, eventId);
  });
  findings.require(
    contents !== undefined && contents.lastSeq >= trimmedSeq,
    'nothing is trimmed before it is archived',
    '',
    `the log is trimmed up to ${trimmedSeq}, the archive ends with ${contents?.lastSeq}`,
  );
  for (let seq = 1n; seq <= last; seq += 1n) {
    const id = ids.get(seq);
    findings.require(id !== undefined, 'every row is in the archive or in the log', '', `seq ${seq} is in neither`);
    if (id === undefined) continue;
    const other = seqOf.get(id);
    findings.require(other === undefined, 'an event has one place', id, `${id} is at ${other} and at ${seq}`);
    seqOf.set(id, seq);
  }
}

/** The rows that are still in the log. */
async function readRest(
  { client }: Universe,
  onRow: (seq: bigint, eventId: string) => void,
): Promise<{ readonly seq: bigint; readonly trimmedSeq: bigint }> {
  const all = { ids: [], scope: '', pattern: '', kind: '', source: '', throughSeq: 0n, descending: false, limit: 0 };
  const { trimmedSeq } = await client.read('readEvents', { ...all, descending: true, limit: 1, afterSeq: 0n });
  for (let afterSeq = trimmedSeq; ;) {
    const page = await client.read('readEvents', { ...all, afterSeq });
    for (const { seq, eventId } of page.events) onRow(seq, eventId);
    afterSeq = page.lookedTo;
    if (!page.more) return { seq: page.seq, trimmedSeq };
  }
}

/** A consumer that begins now, at the beginning, is given what was trimmed long ago as well. */
export async function auditLateConsumer(
  universe: Universe,
  log: readonly LoggedEvent[],
  findings: Findings,
): Promise<void> {
  const expected = log.filter(({ type }) => type === 'work.done').map(({ id }) => id);
  const consumer = await universe.consumers.open(LATE_CONSUMER, { pattern: 'work.*', startAt: 'beginning' });
  const seen: string[] = [];
  const ending = new AbortController();
  const timeout = setTimeout(() => ending.abort(), CONSUME_MS);
  if (expected.length > 0) {
    await consumer.run(
      async ({ id }) => {
        seen.push(id);
        if (seen.length >= expected.length) ending.abort();
      },
      { signal: ending.signal },
    );
  }
  clearTimeout(timeout);
  findings.count('events consumed from the beginning', seen.length);
  const wrong = expected.findIndex((id, index) => seen[index] !== id);
  findings.require(
    wrong === -1,
    'a consumer goes through archive and log, each event once, in order',
    expected[wrong] ?? '',
    `it was given ${seen[wrong]} where ${expected[wrong]} was due, ${seen.length} of ${expected.length} in all`,
  );
}
