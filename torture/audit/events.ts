import type { Universe } from 'inner-universe';
import type { Counted, ReaderEntry, Tally } from '../deeds.ts';
import { CONSUMER, PARTITIONS } from '../deeds.ts';
import type { Findings } from './findings.ts';
import type { KnownDeed } from './writer-deeds.ts';

/** An event of the log, as far as it is compared. */
export interface LoggedEvent {
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  readonly source: string | undefined;
  readonly data: unknown;
}

/** Every application event of the log, in its order. */
export async function readLog(universe: Universe): Promise<readonly LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await universe.events.queryPage({ cursor });
    for (const { id, seq, type, source, data } of page.items) events.push({ id, seq: seq ?? -1, type, source, data });
    if (page.next === undefined) return events;
    cursor = page.next;
  }
}

/** What was acknowledged is in the log once, in the order of its writer; what was refused is not. */
export function auditEvents(log: readonly LoggedEvent[], deeds: readonly KnownDeed[], findings: Findings): void {
  const seqs = new Map<string, number>();
  let before = 0;
  for (const { id, seq } of log) {
    findings.require(!seqs.has(id), 'an event is in the log once', id, `${id} is there twice`);
    findings.require(seq > before, 'the log is in order', id, `seq ${seq} comes after ${before}`);
    seqs.set(id, seq);
    before = seq;
  }
  const published = deeds.filter(({ deed }) => deed.type === 'event');
  const wanted = new Set(published.map(({ deed }) => deed.id));
  for (const { id, type } of log) {
    if (type === 'work.done') findings.require(wanted.has(id), 'nothing is in the log that nobody wrote', id, id);
  }
  const last = new Map<string, { readonly seq: number; readonly id: string }>();
  for (const { deed, fate, code, writer, run } of published) {
    findings.count(`events ${fate}`);
    const seq = seqs.get(deed.id);
    if (fate === 'done' || fate === 'secured')
      findings.require(
        seq !== undefined,
        `an event that was ${fate} is in the log`,
        deed.id,
        `${deed.id} is not there`,
      );
    if (fate === 'refused')
      findings.add('an event that may be published is not refused', deed.id, `${deed.id} was refused: ${code}`);
    if (seq === undefined) continue;
    const key = `${writer}/${run}`;
    const earlier = last.get(key);
    findings.require(
      earlier === undefined || earlier.seq < seq,
      'the events of one process are in the log in the order in which it published them',
      deed.id,
      `${deed.id} (seq ${seq}) comes before ${earlier?.id} (seq ${earlier?.seq})`,
    );
    last.set(key, { seq, id: deed.id });
  }
}

/** Every event was handled once, in the order of its key, with exactly its effects. */
export async function auditConsumer(
  universe: Universe,
  log: readonly LoggedEvent[],
  findings: Findings,
): Promise<void> {
  const handled = new Map<string, Counted>();
  const lastOfKey = new Map<string, number>();
  const countOf = new Map<number, Tally>();
  for (const { type, data, source = '', id } of log) {
    if (type !== 'counted') continue;
    const counted = data as Counted; // workers publish no others
    findings.count('events handled');
    findings.require(!handled.has(counted.of), 'a handler takes effect once', counted.of, `${counted.of} twice, ${id}`);
    handled.set(counted.of, counted);
    const before = lastOfKey.get(source) ?? 0;
    findings.require(
      before < counted.seq,
      'a consumer handles the events of one key in order',
      counted.of,
      `${source}: seq ${counted.seq} was handled after ${before}`,
    );
    lastOfKey.set(source, counted.seq);
    const tally = countOf.get(counted.partition) ?? { count: 0, lastSeq: 0 };
    countOf.set(counted.partition, { count: tally.count + 1, lastSeq: Math.max(tally.lastSeq, counted.seq) });
  }
  for (const { id, type } of log) {
    if (type === 'work.done')
      findings.require(handled.has(id), 'a consumer handles every event', id, `${id} was not handled`);
  }
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const expected = countOf.get(partition);
    if (expected === undefined) continue;
    const store = await universe.states.open<Tally>(`tally-${partition}`);
    const { count, lastSeq } = store.state;
    findings.require(
      count === expected.count && lastSeq === expected.lastSeq,
      'all effects of a handler are one transaction',
      `tally-${partition}`,
      `the store says ${count} events up to ${lastSeq}; ${expected.count} up to ${expected.lastSeq} were published`,
    );
  }
  const letters = await universe.consumers.deadLetters(CONSUMER).list();
  for (const { eventId, reason } of letters)
    findings.add('a handler that fails once is tried again', eventId, `${eventId} is a dead letter: ${reason}`);
}

/** A bus hands over every event of the log from the first it saw, each once, in order, as long as it lives. */
export function auditReader(
  name: string,
  entries: readonly ReaderEntry[],
  log: readonly LoggedEvent[],
  findings: Findings,
): void {
  const places = new Map(log.map(({ id }, index) => [id, index]));
  let next: number | undefined;
  for (const entry of entries) {
    if ('run' in entry) next = undefined;
    // It goes on in the archive: that nothing is missing is what is looked at here.
    if ('error' in entry && entry.error.includes('page/gap')) findings.count('gaps of readers');
    if (!('seq' in entry)) continue;
    findings.count('events seen by readers');
    const place = places.get(entry.id);
    if (place === undefined || (next !== undefined && place !== next)) {
      const expected = next === undefined ? undefined : log[next];
      findings.add(
        'a bus hands over every event once, in order',
        entry.id,
        `${name} saw ${entry.id} (seq ${entry.seq}) where ${expected?.id} (seq ${expected?.seq}) was due`,
      );
    }
    next = place === undefined ? next : place + 1;
  }
}
