import { expect, test } from 'vitest';
import { CallTable } from './call-table.ts';

function makeDeferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

test('a call ends by its answer and is then forgotten', async () => {
  const calls = new CallTable();
  const answer = makeDeferred<number>();
  const call = calls.run('read', () => answer.promise);
  expect(calls.size).toBe(1);
  answer.resolve(3);
  expect(await call).toBe(3);
  expect(calls.size).toBe(0);
});

test('a refusal becomes its typed error, anything else says which call failed', async () => {
  const calls = new CallTable();
  const refusal = JSON.stringify({
    code: 'tag/exists',
    op: 0,
    ids: ['t'],
    details: { store: 's' },
    message: 'It exists.',
  });
  await expect(calls.run('apply', () => Promise.reject(new Error(refusal)))).rejects.toMatchObject({
    code: 'tag/exists',
    ids: ['t'],
    op: 0,
  });
  const failed = calls.run('apply', () => Promise.reject(new Error('The instance encountered a fatal error.')));
  await expect(failed).rejects.toMatchObject({ code: 'connection/failed', details: { call: 'apply' } });
  const mistake = calls.run('apply', () => {
    throw new TypeError('no such field');
  });
  await expect(mistake).rejects.toThrow(TypeError);
  expect(calls.size).toBe(0);
});

test('a call ends at its deadline as unknown, and a late answer changes nothing', async () => {
  const calls = new CallTable();
  const answer = makeDeferred<number>();
  const call = calls.run('read', () => answer.promise, { timeoutMs: 1 });
  await expect(call).rejects.toMatchObject({
    code: 'connection/timeout',
    retryable: true,
    details: { outcome: 'unknown', timeoutMs: 1 },
  });
  answer.resolve(1);
  await answer.promise;
  expect(calls.size).toBe(0);
});

test('a call ends with the reason of its signal, before or after it was sent', async () => {
  const calls = new CallTable();
  const controller = new AbortController();
  const call = calls.run('read', () => new Promise(() => undefined), { signal: controller.signal });
  controller.abort(new Error('changed my mind'));
  await expect(call).rejects.toThrow('changed my mind');
  let started = false;
  const late = calls.run('read', async () => (started = true), { signal: controller.signal });
  await expect(late).rejects.toThrow('changed my mind');
  expect(started).toBe(false);
});

test('the end of the connection ends every call as unknown, and refuses later ones at once', async () => {
  const calls = new CallTable();
  const open = ['one', 'two'].map((name) => calls.run(name, () => new Promise(() => undefined)));
  calls.end(new Error('reset'), false);
  for (const [index, call] of open.entries()) {
    const details = { call: ['one', 'two'][index], outcome: 'unknown' };
    await expect(call).rejects.toMatchObject({ code: 'connection/lost', retryable: true, details });
  }
  let started = false;
  await expect(calls.run('three', async () => (started = true))).rejects.toMatchObject({
    code: 'connection/lost',
    cause: new Error('reset'),
  });
  expect(started).toBe(false);
});

test('after closing here, calls are told that they must not be tried again', async () => {
  const calls = new CallTable();
  calls.end(undefined, true);
  await expect(calls.run('read', async () => 1)).rejects.toMatchObject({ code: 'connection/closed', retryable: false });
});

test('a signal that is none is refused, and one that fails does not keep its call or its end', async () => {
  const calls = new CallTable();
  let isStarted = false;
  const start = async (): Promise<void> => void (isStarted = true);
  await expect(calls.run('read', start, { signal: {} as AbortSignal })).rejects.toMatchObject({
    code: 'config/invalid',
  });
  expect([isStarted, calls.size]).toEqual([false, 0]);
  const refuse = (): never => {
    throw new TypeError('no listeners here');
  };
  const signal = { aborted: false, addEventListener: refuse, removeEventListener: refuse, throwIfAborted: refuse };
  const refused = calls.run('read', start, { signal: signal as unknown as AbortSignal });
  await expect(refused).rejects.toThrow('no listeners here');
  expect([isStarted, calls.size]).toEqual([false, 0]);
  calls.end(undefined, true);
});
