import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../src/clock/clock.ts';
import type { Host } from '../src/host.ts';
import { openHost } from '../src/open-host.ts';
import type { RunningServer } from '../src/server/serve.ts';
import { bundleOf, openModule } from './module-database.ts';
import { connectCustomer, type Customer } from './session-fixtures/shop-client.ts';

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** The bundle of one version of the shop. */
async function shop(variant: string): Promise<string> {
  return (await bundleOf('shop.ts')).replace('__VARIANT__', variant);
}

const PRODUCTS = 'SELECT * FROM product';
const EVENTS = 'SELECT * FROM event';
const CHEAP = 'SELECT * FROM cheap';

const productsOf = ({ connection }: Customer) => [...connection.db.product.iter()].map(({ name }) => name).sort();
const eventsOf = ({ connection }: Customer) => [...connection.db.event.iter()].map(({ text }) => text).sort();
const cheapOf = ({ connection }: Customer) => [...connection.db.cheap.iter()].map(({ name }) => name).sort();

describe.each([
  ['in memory, in process', { onDisk: false, served: false, isolation: 'none' }],
  ['on disk, over a WebSocket', { onDisk: true, served: true, isolation: 'none' }],
  ['in a thread, on disk, in process', { onDisk: true, served: false, isolation: 'thread' }],
] as const)('publishing to a database with clients, %s', (_name, { onDisk, served, isolation }) => {
  let root: string;
  let host: Host;
  let server: RunningServer | undefined;
  const customers: Customer[] = [];

  async function start(): Promise<void> {
    host = await openHost({
      ...(onDisk ? { data: join(root, 'data') } : { memory: true }),
      isolation,
      logger: silentLogger,
    });
    server = served ? await host.serve({ host: '127.0.0.1', port: 0 }) : undefined;
  }
  async function stop(): Promise<void> {
    for (const { connection } of customers.splice(0)) connection.disconnect();
    await host.close();
  }
  async function connect(...queries: readonly string[]): Promise<Customer> {
    const customer = await connectCustomer(host, server?.address, ...queries);
    customers.push(customer);
    return customer;
  }

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'publish-'));
    await start();
    await host.publish({ name: 'shop', module: await shop('first') });
  });
  afterEach(async () => {
    await stop();
    await rm(root, { recursive: true, force: true });
  });

  test('clients stay, and their subscriptions go on with the new program', async () => {
    const ada = await connect(PRODUCTS);
    const bob = await connect(PRODUCTS);
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    await until(() => productsOf(bob).length === 1);
    const { database } = host.database('shop');
    expect((await host.publish({ name: 'shop', module: await shop('more') })).outcome).toBe('updated');
    expect(host.database('shop').database).toBe(database);
    await ada.connection.reducers.addProduct({ name: 'tea', price: 5 });
    await until(() => productsOf(bob).length === 2);
    // Globals are those of the new program.
    expect(productsOf(ada)).toEqual(['first jam 1', 'more tea 1']);
    expect(productsOf(bob)).toEqual(productsOf(ada));
    expect([ada.isEnded, bob.isEnded]).toEqual([false, false]);
    const late = await connect(PRODUCTS, EVENTS);
    expect(productsOf(late)).toEqual(productsOf(ada));
    expect(eventsOf(late)).toEqual(['first init']);
  });

  test('a program that is the same changes nothing', async () => {
    const ada = await connect(PRODUCTS);
    expect(await host.publish({ name: 'shop', module: await shop('first'), policy: 'break-clients' })).toMatchObject({
      outcome: 'unchanged',
    });
    expect(await host.planPublish({ name: 'shop', module: await shop('first') })).toMatchObject({
      type: 'unchanged',
      steps: [],
      breaksClients: false,
    });
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    expect(productsOf(ada)).toEqual(['first jam 1']);
  });

  test('who is subscribed to a view sees what it returns now, without subscribing again', async () => {
    const ada = await connect(CHEAP);
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    await ada.connection.reducers.addProduct({ name: 'oil', price: 15 });
    expect(cheapOf(ada)).toEqual(['first jam 1']);
    await host.publish({ name: 'shop', module: await shop('dearer') });
    await until(() => cheapOf(ada).length === 2);
    expect(cheapOf(ada)).toEqual(['first jam 1', 'first oil 2']);
    await ada.connection.reducers.addProduct({ name: 'tea', price: 19 });
    expect(cheapOf(ada)).toEqual(['dearer tea 1', 'first jam 1', 'first oil 2']);
    await host.publish({ name: 'shop', module: await shop('first') });
    await until(() => cheapOf(ada).length === 1);
    expect(ada.isEnded).toBe(false);
  });

  test('a view that fails under the new program refuses it, and the old one goes on', async () => {
    const ada = await connect(CHEAP, PRODUCTS);
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    await expect(host.publish({ name: 'shop', module: await shop('failing-view') })).rejects.toMatchObject({
      code: 'view/failed',
    });
    await ada.connection.reducers.addProduct({ name: 'tea', price: 5 });
    expect(cheapOf(ada)).toEqual(['first jam 1', 'first tea 2']);
    expect(ada.isEnded).toBe(false);
  });

  test('a plan that breaks clients is refused unless they may be ended; then they are, by the new program', async () => {
    const ada = await connect(PRODUCTS);
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    const module = await shop('wider');
    const plan = await host.planPublish({ name: 'shop', module });
    expect(plan).toMatchObject({ type: 'update', breaksClients: true, refusals: [] });
    expect(plan.text).toContain('stock: u32');
    await expect(host.publish({ name: 'shop', module })).rejects.toMatchObject({ code: 'database/breaks-clients' });
    await ada.connection.reducers.addProduct({ name: 'tea', price: 5 });
    expect(ada.isEnded).toBe(false);

    await host.publish({ name: 'shop', module, policy: 'break-clients', token: plan.token });
    await ada.ended;
    const watcher = await connect(EVENTS);
    await until(() => eventsOf(watcher).length === 2);
    expect(eventsOf(watcher)).toEqual(['first init', 'wider gone']);
  });

  test('a token of another plan is refused', async () => {
    const plan = await host.planPublish({ name: 'shop', module: await shop('more') });
    await host.publish({ name: 'shop', module: await shop('grown') });
    await expect(host.publish({ name: 'shop', module: await shop('more'), token: plan.token })).rejects.toMatchObject({
      code: 'database/plan-outdated',
    });
    expect(host.database('shop').database.program).toBe(await shop('grown'));
  });

  test('only the client is ended whose query cannot be asked any more', async () => {
    const ada = await connect(PRODUCTS, EVENTS);
    const bob = await connect(EVENTS);
    await host.publish({ name: 'shop', module: await shop('private') });
    await ada.ended;
    await until(() => eventsOf(bob).length === 2);
    expect(eventsOf(bob)).toEqual(['first init', 'private gone']);
    expect(bob.isEnded).toBe(false);
    await expect(connect(PRODUCTS)).rejects.toMatchObject({ message: expect.stringMatching(/product/) });
  });

  test('data are deleted and made anew when told to: clients are ended, identity and owner stay', async () => {
    const ada = await connect(PRODUCTS);
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    const { identity, owner } = host.database('shop');
    await host.publish({ name: 'shop', module: await shop('more'), clear: true });
    await ada.ended;
    const bob = await connect(PRODUCTS, EVENTS);
    expect(productsOf(bob)).toEqual([]);
    expect(eventsOf(bob)).toEqual(['more init']);
    expect(host.database('shop')).toMatchObject({ identity, owner });
    await host.resetDatabase({ name: 'shop' });
    await bob.ended;
    const cy = await connect(PRODUCTS, EVENTS);
    expect(eventsOf(cy)).toEqual(['more init']);
    await stop();
    await start();
    if (onDisk) expect(eventsOf(await connect(EVENTS))).toEqual(['more gone', 'more init']);
  });

  test('an init that fails changes nothing, and nobody is ended', async () => {
    const ada = await connect(PRODUCTS);
    await ada.connection.reducers.addProduct({ name: 'jam', price: 5 });
    await expect(host.publish({ name: 'shop', module: await shop('bad-init'), clear: true })).rejects.toMatchObject({
      code: 'database/init-failed',
      details: { message: 'init says no' },
    });
    await ada.connection.reducers.addProduct({ name: 'tea', price: 5 });
    expect(productsOf(ada)).toEqual(['first jam 1', 'first tea 2']);
    expect(ada.isEnded).toBe(false);
  });

  test('a module that does not load or describe changes nothing', async () => {
    const ada = await connect(PRODUCTS);
    for (const module of ['not JavaScript at all (', 'export const x = 1;', "throw new Error('no')"]) {
      await expect(host.publish({ name: 'shop', module })).rejects.toMatchObject({
        code: expect.stringMatching(/^module\//),
      });
    }
    await ada.connection.reducers.addProduct({ name: 'tea', price: 5 });
    expect(productsOf(ada)).toEqual(['first tea 1']);
  });

  test('calls that come while the program is exchanged wait, and run under the new one', async () => {
    const ada = await connect(PRODUCTS);
    const publishing = host.publish({ name: 'shop', module: await shop('more') });
    const calls: Promise<void>[] = [];
    let isPublished = false;
    void publishing.finally(() => (isPublished = true));
    while (!isPublished) {
      // In a thread this turns fast: a client may not have any number of calls under way.
      if (calls.length < 200) calls.push(ada.connection.reducers.addProduct({ name: 'jam', price: 5 }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(calls);
    await ada.connection.reducers.addProduct({ name: 'tea', price: 5 });
    expect(productsOf(ada)).toHaveLength(calls.length + 1);
    expect(productsOf(ada).filter((name) => name.startsWith('more tea'))).toHaveLength(1);
    expect(ada.isEnded).toBe(false);
  });
});

describe('the program of a database without clients', () => {
  test('is exchanged with its schedules, which go on in their phase under the new one', async () => {
    const db = await openModule('shop.ts', { program: await shop('first') });
    const caller = { identity: 1n, connectionId: 0n };
    db.call(caller, 'arm', 1_000_000n);
    db.time.advance(600_000n);
    await db.database.exchangeProgram({ program: await shop('wider'), policy: 'break-clients' });
    db.time.advance(399_999n);
    expect(db.rows('event')).toEqual([['first init']]);
    db.time.advance(1n);
    expect(db.rows('event')).toEqual([['first init'], ['wider ring']]);
    await db.database.close();
  });

  test('is exchanged in both of its worlds, each with fresh globals', async () => {
    const db = await openModule('shop.ts', { program: await shop('first') });
    const caller = { identity: 1n, connectionId: 0n };
    expect(db.run(caller, 'count_calls').value).toBe(1);
    expect(db.run(caller, 'count_calls').value).toBe(2);
    db.call(caller, 'add_product', 'jam', 1);
    await db.database.exchangeProgram({ program: await shop('more') });
    expect(db.run(caller, 'count_calls').value).toBe(1);
    db.call(caller, 'add_product', 'jam', 1);
    expect(db.rows('product').map(([, name]) => name)).toEqual(['first jam 1', 'more jam 1']);
    await db.database.close();
  });

  test('is exchanged with its armed rows deleted when the data are', async () => {
    const db = await openModule('shop.ts', { program: await shop('first') });
    db.call({ identity: 1n, connectionId: 0n }, 'arm', 1_000_000n);
    await db.database.exchangeProgram({ program: await shop('more'), data: 'clear' });
    db.time.advance(5_000_000n);
    expect(db.rows('event')).toEqual([['more init']]);
    await db.database.close();
  });
});
