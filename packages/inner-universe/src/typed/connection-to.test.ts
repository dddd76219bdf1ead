import { fileURLToPath } from 'node:url';
import { readModule } from '@inner-universe/host';
import { describeClientModule } from '@inner-universe/host/codegen';
import { createTestHost, type TestHost } from '@inner-universe/host/testing';
import type { RowTypedQuery } from 'spacetimedb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type * as shop from '../../test/fixtures/shop-module.ts';
import { connectionTo, makeConnectionType } from './connection-to.ts';
import type { ModuleConnection, ModuleConnectionType } from './module-types.ts';

const MODULE = { path: fileURLToPath(new URL('../../test/fixtures/shop-module.ts', import.meta.url)) };
const EUR = (cents: bigint): { cents: bigint; currency: string } => ({ cents, currency: 'EUR' });

type Shop = ModuleConnection<typeof shop>;

let host: TestHost;
let Shop: ModuleConnectionType<typeof shop>;

beforeEach(async () => {
  Shop = await connectionTo<typeof shop>(MODULE);
  host = await createTestHost({ module: MODULE });
});
afterEach(async () => host.close());

function subscribed(connection: Shop, queries: RowTypedQuery<unknown, unknown>[]): Promise<void> {
  return new Promise((resolve, reject) => {
    connection
      .subscriptionBuilder()
      .onApplied(() => resolve())
      .onError((context) => reject(context.event))
      .subscribe(queries);
  });
}

describe('a connection typed by the source of its module', () => {
  test('calls reducers and holds rows under the names of the module', async () => {
    const ada = await host.connect(Shop, 'ada');
    const bob = await host.connect(Shop, 'bob');
    const { tables } = Shop;
    await subscribed(ada, [tables.order, tables.rung]);
    await subscribed(bob, [tables.order.where((row) => row.customerID.eq('ada'))]);
    const rung = new Promise<string>((resolve) => ada.db.rung.onInsert((_context, { text }) => resolve(text)));
    await ada.reducers.placeOrder({ number: '7', customerID: 'ada', total: EUR(5n), note: 'soon' });
    await ada.reducers.placeOrder({ number: '8', customerID: 'bob', total: EUR(6n) });
    expect(await rung).toBe('7');
    expect(ada.db.order.number.find('7')).toMatchObject({
      id: 1n,
      customerID: 'ada',
      status: { tag: 'open' },
      note: 'soon',
      total: EUR(5n),
      payload: new Uint8Array([1, 2]),
      tags: ['new'],
    });
    expect(ada.db.order.number.find('7')?.placedBy.isEqual(ada.identity!)).toBe(true);
    expect(ada.db.order.id.find(2n)?.note).toBeUndefined();
    expect(Array.from(ada.db.order.byCustomer.filter(['bob', '8']), ({ id }) => id)).toEqual([2n]);
    await bob.procedures.summarise({});
    expect(Array.from(bob.db.order.iter(), ({ customerID }) => customerID)).toEqual(['ada']);
    await expect(ada.reducers.placeOrder({ number: '9', customerID: 'x', total: EUR(0n) })).rejects.toThrow(
      'an order costs something',
    );
  });

  test('tells of updates by the key, and calls what the module gave another name', async () => {
    const ada = await host.connect(Shop, 'ada');
    await subscribed(ada, [Shop.tables.order]);
    await ada.reducers.placeOrder({ number: '7', customerID: 'ada', total: EUR(5n) });
    const updates: unknown[] = [];
    ada.db.order.onUpdate((_context, before, after) => updates.push([before.status, after.status]));
    await ada.reducers.settle({ id: 1n, status: { tag: 'paid', value: EUR(5n) } });
    expect(updates).toMatchObject([[{ tag: 'open' }, { tag: 'paid', value: EUR(5n) }]]);
    await ada.reducers.clear({});
    expect(ada.db.order.count()).toBe(0n);
  });

  test('gives what procedures return, nested types and options included', async () => {
    const ada = await host.connect(Shop, 'ada');
    expect(await ada.procedures.summarise({})).toMatchObject({ count: 0n, last: undefined, status: { tag: 'open' } });
    await ada.reducers.placeOrder({ number: '7', customerID: 'ada', total: EUR(5n) });
    await ada.reducers.settle({ id: 1n, status: { tag: 'refused', value: 'no' } });
    expect(await ada.procedures.summarise({ customerID: 'ada' })).toMatchObject({
      count: 1n,
      last: { number: '7', total: EUR(5n) },
      status: { tag: 'refused', value: 'no' },
    });
  });

  test('holds what views give, with the key of their rows', async () => {
    const ada = await host.connect(Shop, 'ada');
    const { everyOrder, myFirst, openOrders, totals } = Shop.tables;
    await subscribed(ada, [everyOrder, myFirst, openOrders, totals]);
    await ada.reducers.placeOrder({ number: '1', customerID: 'ada', total: EUR(5n) });
    await ada.reducers.placeOrder({ number: '2', customerID: 'ada', total: EUR(6n) });
    const updates: unknown[] = [];
    ada.db.everyOrder.onUpdate((_context, before, after) => updates.push([before.status.tag, after.status.tag]));
    await ada.reducers.settle({ id: 2n, status: { tag: 'refused', value: 'no' } });
    expect(updates).toEqual([['open', 'refused']]);
    expect(ada.db.everyOrder.id.find(2n)).toMatchObject({ number: '2', status: { tag: 'refused', value: 'no' } });
    expect(Array.from(ada.db.myFirst.iter(), ({ number }) => number)).toHaveLength(1);
    expect(Array.from(ada.db.openOrders.iter(), ({ number }) => number)).toEqual(['1']);
    expect([...ada.db.totals.iter()]).toEqual([{ customerID: 'ada', cents: 11n }]);
  });

  test('shows the owner what is private', async () => {
    const owner = await host.connect(Shop);
    await subscribed(owner, [Shop.tables.secretKey]);
    expect([...owner.db.secretKey.iter()]).toEqual([{ id: 1, key: 'k' }]);
  });

  test('is made of a description that went through JSON, too', async () => {
    const description = await describeClientModule(await readModule(MODULE));
    const Described = makeConnectionType<typeof shop>(JSON.parse(JSON.stringify(description)) as typeof description);
    const ada = await host.connect(Described, 'ada');
    await ada.reducers.placeOrder({ number: '7', customerID: 'ada', total: EUR(5n) });
    expect(await ada.procedures.summarise({})).toMatchObject({ count: 1n });
  });

  test('refuses a description whose names would become code', async () => {
    const description = await describeClientModule(await readModule(MODULE));
    const [first, ...others] = description.reducers;
    const hostile = { ...first!, params: [{ name: 'x; process.exit()', algebraicType: { type: 'bool' as const } }] };
    expect(() => makeConnectionType({ ...description, reducers: [hostile, ...others] })).toThrow(/no identifier/);
  });
});
