import { expect, test } from 'vitest';
import { ConnectionError, RefusedError } from '../errors.ts';
import { CircuitBreaker, type BreakerOptions, type BreakerState } from './circuit-breaker.ts';

const timeout = new ConnectionError('connection/timeout', 'no answer');
const refusal = new RefusedError({ code: 'permission/denied', message: 'no', op: null, ids: [], details: {} });
const fail = (): Promise<never> => Promise.reject(timeout);
const answer = async (): Promise<string> => 'answer';

class Trial {
  nowMs = 0;
  sent = 0;
  readonly states: BreakerState[] = [];
  readonly breaker: CircuitBreaker;

  constructor(options: BreakerOptions = { failures: 3, pauseMs: 100, pauseMsMax: 300 }) {
    const onError = (error: unknown): void => {
      throw error;
    };
    this.breaker = new CircuitBreaker({ options, nowMs: () => this.nowMs, onError });
    this.breaker.status.subscribe(({ state }) => this.states.at(-1) !== state && this.states.push(state));
  }

  call(work: () => Promise<unknown>): Promise<unknown> {
    return this.breaker.run('read', () => {
      this.sent += 1;
      return work();
    });
  }

  async open(): Promise<void> {
    for (let times = 0; times < 3; times += 1) await expect(this.call(fail)).rejects.toBe(timeout);
  }
}

test('after some calls in a row without an answer, calls fail at once and say when one is tried', async () => {
  const trial = new Trial();
  await trial.open();
  trial.nowMs = 40;
  await expect(trial.call(answer)).rejects.toMatchObject({
    code: 'connection/circuit-open',
    retryable: true,
    details: { call: 'read', failures: 3, retryAfterMs: 60 },
  });
  expect(trial.breaker.faultOf('write')).toMatchObject({ code: 'connection/circuit-open', details: { call: 'write' } });
  expect(trial.sent).toBe(3);
});

test('an answer in between ends the row, and a refusal is an answer', async () => {
  const trial = new Trial();
  for (const good of [answer, () => Promise.reject(refusal)]) {
    for (let times = 0; times < 2; times += 1) await expect(trial.call(fail)).rejects.toBe(timeout);
    await trial.call(good).catch(() => undefined);
  }
  expect(trial.breaker.status.getSnapshot()).toMatchObject({ state: 'closed', failures: 0 });
});

test('after the pause one call alone goes out; its answer closes it', async () => {
  const trial = new Trial();
  await trial.open();
  trial.nowMs = 100;
  let respond: (value: string) => void = () => undefined;
  const probe = trial.call(() => new Promise((resolve) => (respond = resolve)));
  await expect(trial.call(answer)).rejects.toMatchObject({ code: 'connection/circuit-open' });
  respond('it is back');
  expect(await probe).toBe('it is back');
  expect(await trial.call(answer)).toBe('answer');
  expect(trial.states).toEqual(['closed', 'open', 'half-open', 'closed']);
});

test('each try without an answer makes the pause longer, up to a limit', async () => {
  const trial = new Trial();
  await trial.open();
  for (const pauseMs of [200, 300, 300]) {
    trial.nowMs = trial.breaker.status.getSnapshot().retryAtMs ?? Number.NaN;
    await expect(trial.call(fail)).rejects.toBe(timeout);
    expect(trial.breaker.status.getSnapshot().retryAtMs).toBe(trial.nowMs + pauseMs);
  }
});

test('a call that was called off says nothing: the next one finds out', async () => {
  const trial = new Trial();
  await trial.open();
  trial.nowMs = 100;
  const reason = new DOMException('left', 'AbortError');
  await expect(trial.call(() => Promise.reject(reason))).rejects.toBe(reason);
  expect(trial.breaker.status.getSnapshot().state).toBe('open');
  expect(await trial.call(answer)).toBe('answer');
});

test('a new connection ends the pause', async () => {
  const trial = new Trial();
  await trial.open();
  trial.breaker.endPause();
  expect(await trial.call(answer)).toBe('answer');
});

test('calls that were on their way when it opened do not lengthen the pause', async () => {
  const trial = new Trial({ failures: 1, pauseMs: 100 });
  await Promise.allSettled([trial.call(fail), trial.call(fail), trial.call(fail)]);
  expect(trial.breaker.status.getSnapshot()).toMatchObject({ state: 'open', retryAtMs: 100 });
});
