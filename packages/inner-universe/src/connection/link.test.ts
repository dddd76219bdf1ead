import { expect, test, vi } from 'vitest';
import { FakeConnector, FakeWaiting } from '../../test/fake-connections.ts';
import { ConnectionError } from '../errors.ts';
import { Link, type LinkOptions, type LinkState } from './link.ts';

const unreachable = new ConnectionError('connection/unreachable', 'nobody there', { retryable: true });
const unauthorized = new ConnectionError('connection/unauthorized', 'who are you');

async function openLink(
  options: Partial<LinkOptions> = {},
): Promise<{ link: Link; connector: FakeConnector; waiting: FakeWaiting; states: LinkState[] }> {
  const connector = new FakeConnector();
  const waiting = new FakeWaiting();
  const states: LinkState[] = [];
  const link = await Link.open({
    connector,
    waiting,
    prepare: async () => undefined,
    onState: (state) => states.push(state),
    reconnectForMs: 1_000,
    ...options,
  });
  return { link, connector, waiting, states };
}

test('the first attempt is the only one, and what fails leaves nothing open', async () => {
  const connector = new FakeConnector();
  connector.failure = unreachable;
  await expect(Link.open({ connector, waiting: new FakeWaiting(), prepare: async () => undefined })).rejects.toBe(
    unreachable,
  );
  expect(connector.attempts).toBe(1);

  connector.failure = undefined;
  const prepare = (): Promise<void> => Promise.reject(unauthorized);
  await expect(Link.open({ connector, waiting: new FakeWaiting(), prepare })).rejects.toBe(unauthorized);
  expect(connector.open).toEqual([]);
});

test('a lost connection comes back by itself; who asks meanwhile waits for it', async () => {
  const { link, connector, waiting, states } = await openLink();
  const before = await link.connection();
  connector.failures = [unreachable, unreachable, unreachable];
  connector.connections[0]?.lose();
  const asked = [link.connection(), link.connection()];
  const [one, two] = await Promise.all(asked);
  expect(one).toBe(two);
  expect(one).not.toBe(before);
  expect(connector.attempts).toBe(5);
  expect(waiting.delaysMs).toEqual([75, 100, 150]);
  expect(states).toEqual(['connected', 'reconnecting', 'connected']);
  await link.close();
  expect(connector.open).toEqual([]);
});

test('a connection that is lost while it is being prepared is tried again, and never handed out', async () => {
  const connector = new FakeConnector();
  let prepared = 0;
  const link = await Link.open({
    connector,
    waiting: new FakeWaiting(),
    prepare: async (connection) => {
      prepared += 1;
      if (prepared === 2) {
        connection.abandon(new Error('lost again'));
        await connection.callProcedure('readScopes', {});
      }
    },
  });
  connector.connections[0]?.lose();
  const connection = await link.connection();
  expect(connection).toBe(connector.connections[2]);
  await link.close();
});

test('a connection that is lost right after another comes back as well, also when nobody asks', async () => {
  const { link, connector } = await openLink();
  for (let times = 0; times < 5; times += 1) {
    connector.connections.at(-1)?.lose();
    await vi.waitFor(() => expect(connector.open).toHaveLength(1));
    expect(await link.connection()).toBe(connector.connections.at(-1));
  }
  await link.close();
});

test('nobody waits longer than was said; it goes on trying, and a call tries at once', async () => {
  const { link, connector, waiting, states } = await openLink();
  connector.failure = unreachable;
  connector.connections[0]?.lose();
  await expect(link.connection()).rejects.toBe(unreachable);
  expect(waiting.nowMs()).toBeGreaterThanOrEqual(1_000);
  expect(link.state).toBe('lost');
  const attempts = connector.attempts;
  await expect(link.connection()).rejects.toBe(unreachable);
  await vi.waitFor(() => expect(connector.attempts).toBeGreaterThan(attempts + 3));
  expect(Math.max(...waiting.delaysMs)).toBeLessThanOrEqual(5_050);
  connector.failure = undefined;
  await vi.waitFor(() => expect(link.state).toBe('connected'));
  expect(states).toEqual(['connected', 'reconnecting', 'lost', 'connected']);
  await link.close();
});

test('an answer that trying again cannot change is not asked for again, until somebody calls', async () => {
  const { link, connector } = await openLink();
  connector.failures = [unreachable];
  connector.failure = unauthorized;
  connector.connections[0]?.lose();
  await expect(link.connection()).rejects.toBe(unauthorized);
  expect(link.state).toBe('lost');
  expect(connector.attempts).toBe(3);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(connector.attempts).toBe(3);
  await expect(link.connection()).rejects.toBe(unauthorized);
  expect(connector.attempts).toBe(4);
  connector.failure = undefined;
  await link.connection();
  expect(link.state).toBe('connected');
  await link.close();
});

test('who waits can leave, and the others stay', async () => {
  const { link, connector } = await openLink();
  connector.failure = unreachable;
  connector.connections[0]?.lose();
  const controller = new AbortController();
  const left = link.connection(controller.signal);
  const stayed = link.connection();
  controller.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  await expect(link.connection(controller.signal)).rejects.toThrow('left');
  connector.failure = undefined;
  expect(await stayed).toBe(connector.open[0]);
  await link.close();
});

test('closing ends everything: those who wait, the trying, and the connection', async () => {
  const { link, connector, states } = await openLink();
  connector.failure = unreachable;
  connector.connections[0]?.lose();
  const waiting = link.connection();
  const refused = expect(waiting).rejects.toMatchObject({ code: 'connection/closed' });
  await link.close();
  await refused;
  const { attempts } = connector;
  await expect(link.connection()).rejects.toMatchObject({ code: 'connection/closed' });
  await link.close();
  expect(connector.attempts).toBe(attempts);
  expect(connector.open).toEqual([]);
  expect(states.at(-1)).toBe('closed');
});
