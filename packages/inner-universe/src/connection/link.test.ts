import { expect, test, vi } from 'vitest';
import { FakeConnector, FakeWaiting } from '../../test/fake-connections.ts';
import { ConnectionError } from '../errors.ts';
import { Link, type LinkOptions } from './link.ts';
import type { LinkState, LinkStatus } from './link-status.ts';

const unreachable = new ConnectionError('connection/unreachable', 'nobody there', { retryable: true });
const refused = new ConnectionError('connection/refused', 'not you');
const unauthorized = new ConnectionError('connection/unauthorized', 'who are you');

async function openLink(
  options: Partial<LinkOptions> = {},
): Promise<{ link: Link; connector: FakeConnector; waiting: FakeWaiting; states: LinkState[] }> {
  const connector = new FakeConnector();
  const waiting = new FakeWaiting();
  const states: LinkState[] = [];
  const link = await Link.open({ ...makeOptions(connector, waiting), reconnectForMs: 1_000, ...options });
  states.push(link.state);
  link.status.subscribe(({ state }) => states.at(-1) !== state && states.push(state));
  return { link, connector, waiting, states };
}

function makeOptions(connector: FakeConnector, waiting = new FakeWaiting()): LinkOptions {
  const clock = { nowMicros: () => BigInt(Math.round(waiting.nowMs() * 1_000)) };
  const onError = (error: unknown): void => {
    throw error;
  };
  return { connector, waiting, clock, onError, prepare: async () => undefined };
}

test('the first attempt is the only one, and what fails leaves nothing open', async () => {
  const connector = new FakeConnector();
  connector.failure = unreachable;
  await expect(Link.open(makeOptions(connector))).rejects.toBe(unreachable);
  expect(connector.attempts).toBe(1);

  connector.failure = undefined;
  const prepare = (): Promise<void> => Promise.reject(unauthorized);
  await expect(Link.open({ ...makeOptions(connector), prepare })).rejects.toBe(unauthorized);
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
    ...makeOptions(connector),
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

test('who was let in before and is turned away twice is not refused: those who wait get the next connection', async () => {
  const { link, connector } = await openLink();
  connector.failures = [refused, refused, unreachable, refused, refused];
  connector.connections[0]?.lose();
  expect(await link.connection()).toBe(connector.connections[1]);
  expect(link.state).toBe('connected');
  await link.close();
});

test('who is turned away again and again is refused in the end, and nobody goes on trying', async () => {
  const { link, connector } = await openLink({ reconnectForMs: Infinity });
  connector.failure = refused;
  connector.connections[0]?.lose();
  await expect(link.connection()).rejects.toBe(refused);
  const { attempts } = connector;
  expect(attempts).toBe(13);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(connector.attempts).toBe(attempts);
  expect(link.status.getSnapshot()).toMatchObject({ state: 'lost', lastError: refused, nextAttemptAt: undefined });
  await expect(link.connection()).rejects.toBe(refused);
  expect(connector.attempts).toBe(attempts + 1);
  await link.close();
});

test('who is turned away is told so when `reconnectForMs` is over, and it goes on a while', async () => {
  const { link, connector } = await openLink({ reconnectForMs: 0 });
  connector.failures = [refused, refused, refused];
  connector.connections[0]?.lose();
  await expect(link.connection()).rejects.toBe(refused);
  await vi.waitFor(() => expect(link.state).toBe('connected'));
  await link.close();
});

test('another identity is not continued as the first one', async () => {
  const { link, connector } = await openLink();
  connector.identity = 'f'.repeat(64);
  connector.connections[0]?.lose();
  await expect(link.connection()).rejects.toMatchObject({ code: 'connection/identity-changed' });
  expect(connector.open).toEqual([]);
  connector.identity = 'e'.repeat(64);
  await link.connection();
  expect(link.identity).toBe('e'.repeat(64));
  await link.close();
});

test('the status tells state, since when, why, and when it is tried again; it stays one object until it changes', async () => {
  const { link, connector, waiting } = await openLink();
  const seen: LinkStatus[] = [];
  link.status.subscribe((status) => seen.push(status));
  const connected = link.status.getSnapshot();
  expect(link.status.getSnapshot()).toBe(connected);
  expect(connected).toMatchObject({ state: 'connected', target: 'a test', lastError: undefined, failedAttempts: 0 });
  connector.failures = [unreachable, unreachable];
  const cause = new Error('cut');
  connector.connections[0]?.lose(cause);
  await vi.waitFor(() => expect(connector.open).toHaveLength(1));
  await link.connection();
  expect(
    seen.map(({ state, failedAttempts, nextAttemptAt }) => [state, failedAttempts, nextAttemptAt?.getTime()]),
  ).toEqual([
    ['reconnecting', 0, undefined],
    ['reconnecting', 1, undefined],
    ['reconnecting', 1, 75],
    ['reconnecting', 1, undefined],
    ['reconnecting', 2, undefined],
    ['reconnecting', 2, 175],
    ['reconnecting', 2, undefined],
    ['connected', 0, undefined],
  ]);
  expect(seen[0]?.lastError).toBe(cause);
  expect(seen[4]?.lastError).toBe(unreachable);
  expect(seen.at(-1)?.since.getTime()).toBe(waiting.nowMs());
  expect(Object.isFrozen(seen[0])).toBe(true);
  await link.close();
  expect(link.status.getSnapshot().state).toBe('closed');
});

test('it may start without a connection, which comes when the server does; what is final is told at once', async () => {
  const connector = new FakeConnector();
  connector.failures = [unreachable, unreachable];
  const link = await Link.open({ ...makeOptions(connector), mayStartLost: true });
  expect(link.state).toBe('reconnecting');
  expect(await link.connection()).toBe(connector.connections[0]);
  await link.close();

  connector.failure = refused;
  await expect(Link.open({ ...makeOptions(connector), mayStartLost: true })).rejects.toBe(refused);
  connector.failure = undefined;
  const other = Link.open({ ...makeOptions(connector), mayStartLost: true, identity: 'f'.repeat(64) });
  await expect(other).rejects.toMatchObject({ code: 'connection/identity-changed' });
  expect(connector.open).toEqual([]);
});

test('reconnect does not sit out the pause', async () => {
  const waiting = new EndlessPauses();
  const { link, connector } = await openLink({ waiting });
  connector.failures = [unreachable];
  connector.connections[0]?.lose();
  await vi.waitFor(() => expect(waiting.delaysMs).toHaveLength(1));
  expect(await link.reconnect()).toBe(connector.connections[1]);
  await link.close();
});

/** Pauses that only the signal ends. */
class EndlessPauses extends FakeWaiting {
  override sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    this.delaysMs.push(delayMs);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }
}
