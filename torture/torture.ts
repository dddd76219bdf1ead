/** One run: a cast is troubled, healed, drained, and audited. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openArchive, openUniverse, type Universe } from 'inner-universe';
import { archiveOnce, auditArchive, auditArchiver, auditLateConsumer } from './audit/archive.ts';
import { auditConsumer, auditEvents, auditReader, readLog } from './audit/events.ts';
import { Findings } from './audit/findings.ts';
import { auditGraph } from './audit/graph.ts';
import { auditMigrations, auditMigrator } from './audit/migrations.ts';
import { auditReferences } from './audit/references.ts';
import { auditFiles, auditSecrets } from './audit/secrets.ts';
import { auditStates } from './audit/states.ts';
import { readDeeds, type KnownDeed } from './audit/writer-deeds.ts';
import { Cast, type Player, type ServerFacts } from './cast.ts';
import { Chance } from './chance.ts';
import type { Child } from './child.ts';
import { Chaos } from './chaos.ts';
import {
  archiveIn,
  BOARD,
  CONSUMER,
  EMPTY_BOARD,
  type Board,
  type Held,
  type ReaderEntry,
  type WriterEntry,
} from './deeds.ts';
import { digestRows, digestValue } from './digest.ts';
import { Journal, readJournal } from './journal.ts';
import { LEDGER, LEGACY, LEGACY_ROWS, UNMIGRATED, type Migrated } from './legacy.ts';
import { sealing } from './secrets.ts';

/** What a run is to be. */
export interface TortureOptions {
  readonly seconds: number;
  readonly seed: string;
  /** Where everything of the run lies. */
  readonly directory: string;
  readonly onProgress: (text: string) => void;
}

/** What came of a run. */
export interface TortureReport {
  readonly findings: Findings;
  readonly troubles: ReadonlyMap<string, number>;
  readonly starts: Readonly<Record<string, number>>;
  readonly cuts: number;
  readonly peakBytes: ReadonlyMap<string, number>;
}

const WRITERS = 3;
const WORKERS = 3;
const MIGRATORS = 2;
const MEBIBYTE = 1_048_576;
/** How long everybody has to come to rest once nobody is troubled any more. */
const DRAIN_MS = 120_000;
const WEIGH_EVERY_MS = 500;

/** Runs a torture to its end. Rejects only where it could not be run. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const { directory, seed } = options;
  await mkdir(directory, { recursive: true });
  const cast = new Cast(directory, { clientBytes: 512 * MEBIBYTE, serverBytes: 1_024 * MEBIBYTE });
  const findings = new Findings();
  const journal = new Journal(join(directory, 'chaos.jsonl'));
  const chaos = new Chaos(cast, new Chance(`${seed} chaos`), journal);
  const weighing = setInterval(() => cast.weigh(), WEIGH_EVERY_MS);
  try {
    await raise(cast, seed);
    options.onProgress(`everybody is there; trouble for ${options.seconds} s`);
    await chaos.run(options.seconds * 1_000);
    options.onProgress('trouble is over; everybody comes to rest');
    await audit(cast, findings, options);
  } finally {
    clearInterval(weighing);
    for (const fault of cast.faults) findings.add('every process lives until it is ended', '', fault);
    await cast.close();
    journal.close();
  }
  return {
    findings,
    troubles: chaos.counts,
    starts: Object.fromEntries([
      ['server', cast.serverStarts],
      ...cast.players.map(({ name, starts }) => [name, starts]),
    ]) as Record<string, number>,
    cuts: cast.players.reduce((sum, { proxy }) => sum + proxy.cuts, 0),
    peakBytes: cast.peakBytes,
  };
}

/** Starts the server, then everybody else. */
async function raise(cast: Cast, seed: string): Promise<void> {
  await cast.startServer();
  const { facts } = cast;
  if (facts === undefined) throw new Error(`The server did not start: ${cast.server?.errors}`);
  const { address, ownerToken, readerToken } = facts;
  // Whoever only reads expects it to be there.
  await using universe = await openUniverse({ server: address, token: ownerToken });
  await universe.states.open<Board>(BOARD, EMPTY_BOARD);
  await universe.states.open<Migrated>(LEDGER, UNMIGRATED);
  await universe.graph.batch((batch) => {
    for (let n = 0; n < LEGACY_ROWS; n += 1)
      batch.createEntity(LEGACY, { id: `legacy-${n}`, properties: { ...UNMIGRATED } });
  });
  const modes = ['offline', 'always'];
  for (let n = 0; n < WRITERS; n += 1)
    await cast.add('writer', `writer-${n}`, [ownerToken, seed, modes[n % modes.length] ?? 'offline']);
  await cast.add('reader', 'reader-of-owner', [ownerToken]);
  await cast.add('reader', 'reader-of-scope', [readerToken]);
  for (let n = 0; n < WORKERS; n += 1) await cast.add('worker', `worker-${n}`, [ownerToken, seed]);
  await cast.add('archiver', 'archiver', [ownerToken, seed]);
  for (let n = 0; n < MIGRATORS; n += 1) await cast.add('migrator', `migrator-${n}`, [ownerToken]);
  for (const player of cast.players) cast.start(player);
  for (const { name, child } of cast.players) {
    if ((await within(child?.next(), DRAIN_MS, name)) === undefined)
      throw new Error(`${name} did not start: ${child?.errors}`);
  }
}

/** Lets everybody finish, one kind after the other, and compares what they have with what the server has. */
async function audit(cast: Cast, findings: Findings, { directory, onProgress }: TortureOptions): Promise<void> {
  const of = (role: Player['role']): readonly Player[] => cast.players.filter((player) => player.role === role);
  await finishWriters(of('writer'), findings);
  onProgress('writers are done');
  await end([...of('archiver'), ...of('migrator')], findings);
  const server = cast.facts;
  if (server === undefined) throw new Error('There is no server.');
  const archive = openArchive(archiveIn(directory));
  const universe = await openUniverse({ server: server.address, token: server.ownerToken, archive });
  try {
    await drainConsumer(universe);
    onProgress('consumers are done');
    for (const { name } of of('archiver')) auditArchiver(join(directory, `${name}.jsonl`), findings);
    for (const { name } of of('migrator')) auditMigrator(join(directory, `${name}.jsonl`), findings);
    await archiveOnce(universe, directory, findings);
    await auditArchive(universe, directory, findings);
    await auditMigrations(universe, findings);
    onProgress('archive and migrations are audited');
    const log = await readLog(universe);
    const deeds = of('writer').flatMap(({ name }) =>
      readDeeds(name, readJournal(join(directory, `${name}.jsonl`)) as readonly WriterEntry[]),
    );
    auditEvents(log, deeds, findings);
    await auditConsumer(universe, log, findings);
    await auditLateConsumer(universe, log, findings);
    await compareReaders(universe, of('reader'), findings);
    for (const { name } of of('reader'))
      auditReader(name, readJournal(join(directory, `${name}.jsonl`)) as readonly ReaderEntry[], log, findings);
    await auditData(universe, deeds, findings);
    await auditSealed(server, deeds, { directory, findings });
    onProgress('the server is audited');
    await end([...of('reader'), ...of('worker')], findings);
    const counts = await countsOf(universe);
    await universe.close();
    await reopen(cast, { directory, counts, deeds }, findings);
  } finally {
    await universe.close();
  }
}

async function auditData(universe: Universe, deeds: readonly KnownDeed[], findings: Findings): Promise<void> {
  await auditGraph(universe, deeds, findings);
  await auditStates(universe, deeds, findings);
  await auditReferences(universe, deeds, findings);
}

/** As somebody who has the key, and as somebody who has the server's files. */
async function auditSealed(
  { address, ownerToken }: ServerFacts,
  deeds: readonly KnownDeed[],
  { directory, findings }: { readonly directory: string; readonly findings: Findings },
): Promise<void> {
  await using universe = await openUniverse({
    server: address,
    token: ownerToken,
    encryption: await sealing(directory),
  });
  await auditSecrets(universe, deeds, findings);
  await auditFiles(join(directory, 'data'), BOARD, findings);
}

/** Writers wait for every answer, send what their outboxes hold, and end. */
async function finishWriters(writers: readonly Player[], findings: Findings): Promise<void> {
  for (const { child } of writers) child?.tell('stop');
  for (const { name, child } of writers) {
    const left = (await factOf(child, 'pending', `${name} to be done`)) as Readonly<Record<string, number>> | undefined;
    if (left === undefined) {
      findings.add('every write is answered once the server is there', name, `${name} ended before: ${child?.errors}`);
      continue;
    }
    const { pending = 0, blocked = 0, callsInFlight = 0 } = left;
    findings.require(
      pending + blocked + callsInFlight === 0,
      'outboxes are empty, and nothing is unknown, once the server is there',
      name,
      `${name} has ${pending} pending, ${blocked} blocked, ${callsInFlight} calls in flight`,
    );
  }
  await end(writers, findings);
}

/** Waits until every partition has handled the last event that there is for it. */
async function drainConsumer(universe: Universe): Promise<void> {
  const [newest] = await universe.events.query({ pattern: 'work.*', order: 'descending', limit: 1 });
  const lastSeq = newest?.seq ?? 0;
  const until = Date.now() + DRAIN_MS;
  for (;;) {
    const { partitionStates, workers } = await universe.consumers.status(CONSUMER);
    if (partitionStates.every(({ offset }) => offset >= lastSeq)) return;
    if (Date.now() > until) {
      const states = partitionStates.map(
        ({ partition, offset, holder }) => `${partition} at ${offset}, held by ${holder}`,
      );
      throw new Error(`Consumers do not get to ${lastSeq}: ${states.join('; ')}; workers: ${workers.join(', ')}`);
    }
    await sleep(200);
  }
}

/** What every reader holds is what the server has. */
async function compareReaders(universe: Universe, readers: readonly Player[], findings: Findings): Promise<void> {
  const board = await universe.states.open<Board>(BOARD);
  const [newest] = await universe.events.query({ order: 'descending', limit: 1 });
  const expected: Held = {
    lastSeq: newest?.seq ?? 0,
    entities: digestRows(await universe.graph.query()),
    relations: digestRows(await universe.graph.queryRelations()),
    board: digestValue(board.state),
    boardVersion: board.versionId,
  };
  for (const { name, child } of readers) {
    child?.tell('look');
    const held = (await factOf(child, 'boardVersion', `${name} to look`)) as Held | undefined;
    for (const [what, value] of Object.entries(expected)) {
      // A reader that was started after the last event has seen none.
      const actual = held?.[what as keyof Held]; // of the same type
      if (what === 'lastSeq' && actual === 0) continue;
      findings.require(
        actual === value,
        'what a reader holds is what the server has',
        name,
        `${name} has ${what} ${String(actual)}, the server has ${String(value)}`,
      );
    }
  }
}

async function countsOf(universe: Universe): Promise<string> {
  const { events, changes, entities, relations, versions, seq } = await universe.client.getSystemStatus();
  return JSON.stringify([events, changes, entities, relations, versions, seq].map(Number));
}

/** The server is killed, and its directory is opened here: everything is there, and verifies. */
async function reopen(
  cast: Cast,
  before: { readonly directory: string; readonly counts: string; readonly deeds: readonly KnownDeed[] },
  findings: Findings,
): Promise<void> {
  cast.server?.signal('SIGKILL');
  await cast.server?.ended;
  const archive = openArchive(archiveIn(before.directory));
  await using universe = await openUniverse({ data: join(before.directory, 'data'), archive });
  const counts = await countsOf(universe);
  findings.require(
    counts === before.counts,
    'what was acknowledged survives kill -9',
    'counts',
    `the server had ${before.counts}, its directory has ${counts}`,
  );
  await auditArchive(universe, before.directory, findings);
  await auditStates(universe, before.deeds, new Findings());
}

async function end(players: readonly Player[], findings: Findings): Promise<void> {
  for (const { child, role } of players) {
    if (child === undefined) continue;
    if (role !== 'writer') child.tell('stop');
  }
  for (const { name, child } of players) {
    const how = await within(child?.ended, DRAIN_MS, `${name} to end`).catch((error: unknown) => String(error));
    findings.require(
      how === '0',
      'a universe closes when it is told to',
      name,
      `${name}: ${String(how)} ${child?.errors}`,
    );
  }
}

/** The next thing that a child says which has such a field. */
async function factOf(child: Child | undefined, field: string, what: string): Promise<object | undefined> {
  for (;;) {
    const fact = await within(child?.next(), DRAIN_MS, what);
    if (fact === undefined || field in fact) return fact;
  }
}

async function within<T>(promise: Promise<T> | undefined, timeoutMs: number, what: string): Promise<T | undefined> {
  const ending = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: ending.signal }).then(() => {
    throw new Error(`Waited ${timeoutMs / 1_000} s in vain for ${what}.`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    ending.abort();
  }
}
