import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleOf } from '../../test/module-database.ts';
import type { Host } from '../host.ts';
import { openHost } from '../open-host.ts';

let host: Host;

beforeEach(async () => {
  host = await openHost({ memory: true, logger: { log: () => undefined } });
});
afterEach(() => host.close());

describe('SQL inside the process', () => {
  test('gives rows as objects, by the names that the module uses, of columns of every type', async () => {
    await host.createDatabase({ name: 'shapes', module: await bundleOf('shapes.ts') });
    const point = '0000000000000440000000000000f0bf'; // 2.5, -1
    const { local } = host.database('shapes');
    const name = '01000000' + '61';
    const args = Buffer.from(`${name}${point}01` + `01000000${point}` + '01' + '00000000' + '01', 'hex');
    const caller = { identity: 5n, connectionId: 9n };
    expect(local.callReducer(caller, 'draw', args).outcome).toEqual({ type: 'committed' });
    const [result] = await host.sql('shapes', 'SELECT * FROM drawing');
    expect(result?.rows).toEqual([
      {
        id: 1n,
        name: 'a',
        code: 0,
        flag: true,
        i8Value: -8,
        u8Value: 8,
        i16Value: -16,
        u16Value: 16,
        i32Value: -32,
        i64Value: -64n,
        i128Value: -(2n ** 100n),
        u128Value: 2n ** 100n,
        i256Value: -(2n ** 200n),
        u256Value: 2n ** 200n,
        f32Value: 0.5,
        f64Value: 0.1,
        bytes: Uint8Array.of(1, 2, 3),
        names: ['a', 'a'],
        center: { x: 2.5, y: -1 },
        outline: { tag: 'polygon', value: [{ x: 2.5, y: -1 }] },
        color: { tag: 'green' },
        maybe: { x: 2.5, y: -1 },
        owner: 5n,
        connection: 9n,
        createdAt: expect.any(BigInt) as unknown,
        took: 0n,
        unique: expect.any(BigInt) as unknown,
        link: { url: 'ws://example' },
      },
    ]);
  });

  test('gives one result for each statement, and names as the query has them', async () => {
    await host.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    const results = await host
      .sql('people', "INSERT INTO person VALUES (0, 'ada', 'red', 36); SELECT name AS who, COUNT FROM person")
      .catch((error: unknown) => error);
    expect(results).toMatchObject({ code: 'query/invalid' });
    expect(await host.database('people').sql("INSERT INTO person VALUES (0, 'ada', 'red', 36)")).toEqual([
      { rows: [], inserted: 1, deleted: 0, updated: 0 },
    ]);
    expect(await host.sql('people', 'SELECT name AS who, id FROM person; SELECT COUNT(*) AS n FROM person')).toEqual([
      { rows: [{ who: 'ada', id: 1n }], inserted: 0, deleted: 0, updated: 0 },
      { rows: [{ n: 1n }], inserted: 0, deleted: 0, updated: 0 },
    ]);
  });

  test('is asked as the owner, or as whoever is named', async () => {
    const { owner } = await host.createDatabase({ name: 'people', module: await bundleOf('people.ts') });
    expect(owner).toBe(host.owner);
    expect((await host.sql('people', 'SELECT * FROM note'))[0]?.rows).toEqual([]);
    await expect(host.sql('people', 'SELECT * FROM note', { as: 5n })).rejects.toMatchObject({ code: 'query/invalid' });
    await expect(host.sql('people', 'DELETE FROM person', { as: 5n })).rejects.toMatchObject({
      code: 'identity/forbidden',
    });
    await expect(host.sql('nowhere', 'SELECT 1')).rejects.toMatchObject({ code: 'host/database-not-found' });
  });

  test('gives rows of system tables and views, too', async () => {
    await host.createDatabase({ name: 'game', module: await bundleOf('view-game.ts') });
    const identity = `0x${'0'.repeat(63)}7`;
    await host.sql('game', `INSERT INTO player VALUES (1, ${identity}, 'p', 'red', 50); SET row_limit = 9`);
    expect(await host.sql('game', 'SELECT * FROM top_players; SHOW row_limit; SELECT * FROM st_client')).toMatchObject([
      { rows: [{ id: 1, owner: 7n, name: 'p', team: 'red', score: 50 }] },
      { rows: [{ value: { tag: 'U64', value: 9n } }] },
      { rows: [] },
    ]);
  });
});
