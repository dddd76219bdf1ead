import { beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStorage, makeMemoryContents, type MemoryContents } from '../../host/src/storage/memory-storage.ts';
import { CODE_VERSION } from '../src/wire/index.ts';
import { ADA, moduleBundle, openUniverse, ops, OWNER, type Universe } from './universe.ts';

/** The code of schema 1, as far as its data differ: it noted no gaps. */
let schema1: string;
/** Code of a schema that does not exist yet. Its migration renames the source of events, ten rows a step. */
let schema4: string;
let openings = 0;

beforeAll(async () => {
  const bundle = await moduleBundle();
  schema1 = replace(bundle, [
    ['var CODE_VERSION = 3;', 'var CODE_VERSION = 1;'],
    ['var MIGRATIONS = [historyGaps, orderedRequests];', 'var MIGRATIONS = [];'],
    [/work\.db\.historyGap\.(?:insert|gapKey\.update)\(row\)/g, 'undefined'],
  ]);
  schema4 = replace(bundle, [
    ['var CODE_VERSION = 3;', 'var CODE_VERSION = 4;'],
    [
      'var MIGRATIONS = [historyGaps, orderedRequests];',
      `var MIGRATIONS = [historyGaps, orderedRequests, { to: 4, name: 'rename-sources', description: 'Sources get a prefix.',
        blocks: ['publishEvent'], step(ctx, cursor) {
          let seq = cursor === '' ? 0n : BigInt(cursor), processed = 0;
          const last = readLogHead(ctx).nextSeq - 1n;
          for (; seq < last && processed < 10; processed += 1) {
            seq += 1n;
            const [row] = ctx.db.eventLog.seq.filter(seq);
            if (row.kind === 'application') ctx.db.eventLog.eventId.update({ ...row, source: 'new:' + row.source });
          }
          return { cursor: seq.toString(), done: seq >= last, processed };
        } }];`,
    ],
  ]);
});

function replace(bundle: string, changes: readonly (readonly [string | RegExp, string])[]): string {
  return changes.reduce((text, [from, to]) => {
    const changed = text.replace(from, () => to);
    if (changed === text) throw new Error(`the bundle does not contain ${from}`);
    return changed;
  }, bundle);
}

async function openWith(program: string, contents: MemoryContents): Promise<Universe> {
  openings += 1;
  const requests = `opening-${openings}-`;
  const universe = await openUniverse({ program, storage: createMemoryStorage({ contents }), requests });
  universe.connect(OWNER);
  return universe;
}

/** What schema 1 left: kept and unkept pasts of both kinds. */
async function makeOlderData(): Promise<MemoryContents> {
  const contents = makeMemoryContents();
  const older = await openWith(schema1, contents);
  older.apply([ops.setting('history', { secret: 'none', whispers: 'none' })]);
  older.apply([ops.entity('a'), ops.entity('b'), ops.entity('s', { entityType: 'secret' })]);
  older.apply([ops.relation('r', 'a', 'b'), ops.relation('w', 'a', 'b', { relationType: 'whispers' })]);
  for (let at = 0; at < 25; at += 1) older.apply([ops.event(`e${at}`, 'x', { source: 'shop' })]);
  await older.database.close();
  return contents;
}

/** Takes steps until nothing is pending; gives how many. */
function migrate(universe: Universe): number {
  for (let steps = 0; ; steps += 1) {
    expect(steps).toBeLessThan(20);
    const next = universe.read('read_migrations').migrations.find(({ done }: { done: boolean }) => !done);
    if (next === undefined) return steps;
    expect(universe.call(OWNER, 'migrate', { to: next.to, cursor: next.cursor })).toBeUndefined();
  }
}

test('a new universe has the schema of its code', async () => {
  const universe = await openUniverse();
  expect(universe.rows('schema_version')).toMatchObject([{ codeVersion: CODE_VERSION, dataVersion: CODE_VERSION }]);
  const { codeVersion, dataVersion, migrations } = universe.read('read_migrations');
  expect([codeVersion, dataVersion]).toEqual([CODE_VERSION, CODE_VERSION]);
  expect(migrations.map(({ to, done }: { to: number; done: boolean }) => [to, done])).toEqual([
    [2, true],
    [3, true],
  ]);
});

describe('from schema 1', () => {
  test('the first connection announces the code, and what no migration blocks goes on', async () => {
    const universe = await openWith(await moduleBundle(), await makeOlderData());
    expect(universe.rows('schema_version')).toMatchObject([{ codeVersion: CODE_VERSION, dataVersion: 1 }]);
    expect(universe.apply([ops.event('during')])).toBeUndefined();
  });

  test('the gaps in its history are noted, and nothing else is changed', async () => {
    const universe = await openWith(await moduleBundle(), await makeOlderData());
    const tables = ['entity', 'relation', 'entity_history', 'event_log'];
    const before = tables.map((table) => universe.rows(table));
    migrate(universe);
    expect(tables.slice(0, 3).map((table) => universe.rows(table))).toEqual(before.slice(0, 3));
    expect(
      universe
        .rows('history_gap')
        .map(({ gapKey, seq }) => [gapKey, seq])
        .sort(),
    ).toEqual([
      ['entity:secret', universe.rows('entity').find(({ id }) => id === 's').seq],
      ['relation:whispers', universe.rows('relation').find(({ id }) => id === 'w').seq],
    ]);
    expect(universe.rows('schema_version')).toMatchObject([{ codeVersion: CODE_VERSION, dataVersion: CODE_VERSION }]);
    expect(universe.rows('event_log').at(-1)).toMatchObject({ eventType: 'SCHEMA_MIGRATED', scope: '$system' });
  });
});

describe('a migration', () => {
  test('runs after those before it, in bounded steps, and is the same after any restart', async () => {
    const contents = await makeOlderData();
    let universe = await openWith(schema4, contents);
    let steps = 0;
    for (;;) {
      const next = universe.read('read_migrations').migrations.find(({ done }: { done: boolean }) => !done);
      if (next === undefined) break;
      expect(universe.call(OWNER, 'migrate', { to: next.to, cursor: next.cursor })).toBeUndefined();
      steps += 1;
      expect(steps).toBeLessThan(20);
      await universe.database.close();
      universe = await openWith(schema4, contents);
    }
    expect(steps).toBe(2 + Math.ceil(Number(universe.read('read_migrations').migrations[2].processed) / 10));
    const events = universe.rows('event_log').filter(({ kind }) => kind === 'application');
    expect(events).toHaveLength(25);
    expect(new Set(events.map(({ source }) => source))).toEqual(new Set(['new:shop']));
    expect(universe.rows('schema_version')).toMatchObject([{ codeVersion: 4, dataVersion: 4 }]);
  });

  test('blocks the ops it names until it is done, and no others', async () => {
    const universe = await openWith(schema4, await makeOlderData());
    expect(universe.apply([ops.entity('c'), ops.event('e')])).toMatchObject({
      code: 'schema/migrating',
      details: { dataVersion: 1, codeVersion: 4, to: 4, name: 'rename-sources' },
    });
    expect(universe.apply([ops.entity('c')])).toBeUndefined();
    migrate(universe);
    expect(universe.apply([ops.event('e')])).toBeUndefined();
  });

  test('a step that is sent twice is taken once', async () => {
    const universe = await openWith(schema4, await makeOlderData());
    const take = (to: number): unknown => universe.call(OWNER, 'migrate', { to, cursor: '' });
    expect([take(2), take(3), take(4)]).toEqual([undefined, undefined, undefined]);
    expect(universe.rows('event_log').filter(({ source }) => source === 'new:shop').length).toBeGreaterThan(0);
    const before = universe.dump();
    expect([take(4), take(3), take(2)]).toEqual([undefined, undefined, undefined]);
    expect(universe.dump()).toBe(before);
  });

  test('that is not the next one is refused', async () => {
    const universe = await openWith(schema4, await makeOlderData());
    expect(universe.call(OWNER, 'migrate', { to: 4, cursor: '' })).toMatchObject({
      code: 'value/malformed',
      details: { dataVersion: 1, next: 2 },
    });
    migrate(universe);
    expect(universe.call(OWNER, 'migrate', { to: 5, cursor: '' })).toMatchObject({ details: { next: null } });
  });

  test('is the owner’s to run; who has no grant may not even look', async () => {
    const universe = await openWith(schema4, await makeOlderData());
    expect(universe.refusedRead('read_migrations', {}, ADA)).toMatchObject({ code: 'permission/denied' });
    universe.apply([ops.grant(ADA.identity, 'configure', 'config:*')]);
    expect(universe.call(ADA, 'migrate', { to: 2, cursor: '' })).toMatchObject({ code: 'permission/denied' });
    expect(universe.read('read_migrations', {}, ADA).dataVersion).toBe(1);
  });
});

test('older code over newer data takes no writes, and says what to publish', async () => {
  const contents = await makeOlderData();
  const newer = await openWith(schema4, contents);
  migrate(newer);
  await newer.database.close();
  const universe = await openWith(await moduleBundle(), contents);
  expect(universe.apply([ops.entity('c')])).toMatchObject({
    code: 'schema/newer-data',
    details: { dataVersion: 4, codeVersion: CODE_VERSION },
  });
});
