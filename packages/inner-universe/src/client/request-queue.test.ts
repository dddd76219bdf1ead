import type { Op } from '@inner-universe/module/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConnectionError, makeCallError } from '../errors.ts';
import { RequestQueue, type OutgoingRequest, type RequestQueueOptions } from './request-queue.ts';

/** An op that a test recognises, and how it is refused if it is. */
function opOf(id: string): Op {
  return { tag: 'deleteTag', value: { store: 's', name: id } };
}

function idsOf(ops: readonly Op[]): string[] {
  return ops.map(({ value }) => (value as { name: string }).name);
}

function refusal(op: number, id: string): unknown {
  return makeCallError(
    'apply',
    JSON.stringify({ code: 'event/id-taken', op, ids: [id], details: {}, message: `${id} is taken.` }),
  );
}

/** Sends to a list; refuses requests that hold a bad id, naming the first, as the module does. */
function makeQueue(options: Partial<RequestQueueOptions> & { bad?: ReadonlySet<string> } = {}): {
  queue: RequestQueue;
  requests: string[][];
  applied: string[];
} {
  const requests: string[][] = [];
  const applied: string[] = [];
  const send = async ({ ops }: OutgoingRequest): Promise<void> => {
    const ids = idsOf(ops);
    requests.push(ids);
    await Promise.resolve();
    const op = ids.findIndex((id) => options.bad?.has(id) === true);
    if (op !== -1) throw refusal(op, ids[op] ?? '');
    applied.push(...ids);
  };
  let requestIds = 0;
  return {
    queue: new RequestQueue({ send, makeRequestId: () => String(++requestIds), nowMicros: () => 0n, ...options }),
    requests,
    applied,
  };
}

test('calls of one turn share a request, later ones the next, in order', async () => {
  const { queue, requests } = makeQueue();
  const first = [queue.write([opOf('a')]), queue.write([opOf('b')])];
  await Promise.resolve();
  await Promise.resolve();
  const later = [queue.write([opOf('c')]), queue.write([opOf('d')])];
  await Promise.all([...first, ...later]);
  expect(requests).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
});

test('a write with a request id of its own is sent alone under it, in its place', async () => {
  const sent: [string, string[]][] = [];
  const { queue } = makeQueue({
    send: async ({ requestId, ops }) => void sent.push([requestId, idsOf(ops)]),
  });
  const own = { requestId: 'own' };
  await Promise.all([
    queue.write([opOf('a')]),
    queue.write([opOf('b')]),
    queue.write([opOf('c'), opOf('d')], own),
    queue.write([opOf('e')]),
    queue.write([opOf('f')], { requestId: 'last' }),
  ]);
  expect(sent).toEqual([
    ['1', ['a', 'b']],
    ['own', ['c', 'd']],
    ['2', ['e']],
    ['last', ['f']],
  ]);
});

test('whatever is refused, everything else is applied once, in order, and each call is told its own outcome', async () => {
  const calls = fc.array(
    fc.record({
      size: fc.integer({ min: 1, max: 3 }),
      badAt: fc.option(fc.nat(2), { nil: undefined }),
      pause: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(calls, async (given) => {
      const bad = new Set<string>();
      const plans = given.map(({ size, badAt, pause }, call) => {
        const ids = Array.from({ length: size }, (_, op) => `${call}.${op}`);
        const badId = badAt === undefined ? undefined : ids[badAt];
        if (badId !== undefined) bad.add(badId);
        return { ids, badId, pause };
      });
      const { queue, applied } = makeQueue({ bad });
      const outcomes: Promise<PromiseSettledResult<void>[]>[] = [];
      for (const { ids, pause } of plans) {
        outcomes.push(Promise.allSettled([queue.write(ids.map(opOf))]));
        if (pause) await Promise.resolve();
      }
      await queue.idle();
      expect(applied).toEqual(plans.filter(({ badId }) => badId === undefined).flatMap(({ ids }) => ids));
      for (const [index, [outcome]] of (await Promise.all(outcomes)).entries()) {
        const { ids, badId } = plans[index] ?? { ids: [], badId: undefined };
        if (badId === undefined) expect(outcome?.status).toBe('fulfilled');
        else
          expect(outcome).toMatchObject({
            reason: { code: 'event/id-taken', ids: [badId], details: { op: ids.indexOf(badId) } },
          });
      }
    }),
  );
});

test('when the whole request fails, all its calls are told so and the next go on', async () => {
  let fails = true;
  const lost = new ConnectionError('connection/unreachable', 'gone');
  const { queue, requests } = makeQueue({
    send: async () => {
      if (fails) throw lost;
    },
  });
  const results = await Promise.allSettled([queue.write([opOf('a')]), queue.write([opOf('b')])]);
  expect(results).toEqual([
    { status: 'rejected', reason: lost },
    { status: 'rejected', reason: lost },
  ]);
  fails = false;
  await queue.write([opOf('c')]);
  expect(requests).toEqual([]);
});

describe('a request holds', () => {
  test('at most 1,000 ops, and no call is split', async () => {
    const { queue, requests } = makeQueue();
    const group = (name: string): Op[] => Array.from({ length: 400 }, (_, index) => opOf(`${name}${index}`));
    await Promise.all([queue.write(group('a')), queue.write(group('b')), queue.write(group('c'))]);
    expect(requests.map(({ length }) => length)).toEqual([800, 400]);
    await expect(queue.write(Array.from({ length: 1_001 }, () => opOf('x')))).rejects.toMatchObject({
      code: 'limit/ops',
    });
  });

  test('at most 1 MiB', async () => {
    const { queue, requests } = makeQueue();
    const large = (): Op => opOf('x'.repeat(400_000));
    await Promise.all([queue.write([large()]), queue.write([large()]), queue.write([large()])]);
    expect(requests.map(({ length }) => length)).toEqual([2, 1]);
    await expect(queue.write([opOf('x'.repeat(1_048_577))])).rejects.toMatchObject({ code: 'limit/request' });
  });
});

describe('the queue holds', () => {
  test('so many calls, and tells who comes after that', async () => {
    const { queue } = makeQueue({ callsMax: 3 });
    const written = ['a', 'b', 'c'].map((id) => queue.write([opOf(id)]));
    expect(queue.length).toBe(3);
    const refused = await Promise.allSettled([queue.write([opOf('d')]), queue.writeInTurn([[opOf('d')]])]);
    const reason = { code: 'client/queue-full', retryable: true, details: { calls: 3 } };
    expect(refused).toMatchObject([{ reason }, { reason }]);
    await Promise.all(written);
    await queue.write([opOf('d')]);
  });

  test('so many bytes, but always one call', async () => {
    const { queue } = makeQueue({ bytesMax: 10 });
    const written = queue.write([opOf('longer than ten')]);
    await expect(queue.write([opOf('x')])).rejects.toMatchObject({ code: 'client/queue-full' });
    await written;
  });
});

test('groups written in turn keep their place among other calls', async () => {
  const { queue, applied } = makeQueue();
  const before = queue.write([opOf('before')]);
  const groups = queue.writeInTurn([[opOf('1')], [opOf('2')], [opOf('3')]]);
  const after = queue.write([opOf('after')]);
  await Promise.all([before, groups, after]);
  expect(applied).toEqual(['before', '1', '2', '3', 'after']);
});

test('groups written in turn end with the first error, when all have been tried', async () => {
  const { queue, applied } = makeQueue({ bad: new Set(['2']) });
  await expect(queue.writeInTurn([[opOf('1')], [opOf('2')], [opOf('3')]])).rejects.toMatchObject({ ids: ['2'] });
  expect(applied).toEqual(['1', '3']);
  await expect(queue.writeInTurn([[opOf('4')], [opOf('x'.repeat(1_048_577))]])).rejects.toMatchObject({
    code: 'limit/request',
  });
  expect(applied).toEqual(['1', '3']);
});

describe('calls that are still being made', () => {
  test('hold their place, whenever they are ready, and share requests once they are', async () => {
    const { queue, requests, applied } = makeQueue();
    const made: ((groups: Op[][]) => void)[] = [];
    const later = ['b', 'c'].map(() => queue.writeLater(new Promise<Op[][]>((resolve) => made.push(resolve)), 10));
    const written = [queue.write([opOf('a')]), ...later, queue.write([opOf('d')])];
    made[1]?.([[opOf('c')]]);
    await Promise.resolve();
    expect(applied).toEqual([]);
    made[0]?.([[opOf('b1'), opOf('b2')]]);
    await Promise.all(written);
    expect(applied).toEqual(['b1', 'b2', 'c', 'a', 'd']);
    expect(requests.length).toBe(1);
  });

  test('that must see what was written before are begun when it has been answered', async () => {
    const { queue, applied } = makeQueue();
    const seen: string[][] = [];
    const make = (id: string) => async () => {
      seen.push([...applied]);
      return [[opOf(id)]];
    };
    await Promise.all([
      queue.write([opOf('a')]),
      queue.writeLater(make('b'), 0),
      queue.writeLater(make('c'), 0),
      queue.writeLater(Promise.resolve([[opOf('d')], [opOf('e')]]), 0),
    ]);
    expect(seen).toEqual([['a'], ['a', 'b']]);
    expect(applied).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('whatever fails or is refused, the rest is applied once, in order, and idle waits for all', async () => {
    const call = fc.record({
      type: fc.constantFrom('now' as const, 'later' as const, 'turn' as const),
      outcome: fc.constantFrom('made' as const, 'refused' as const, 'failed' as const),
      ticks: fc.nat(4),
      groups: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (calls) => {
        const bad = new Set<string>();
        const { queue, applied } = makeQueue({ bad });
        const expected: string[] = [];
        const outcomes = calls.map(({ type, outcome, ticks, groups }, index) => {
          const ids = Array.from({ length: type === 'now' ? 1 : groups }, (_, group) => `${index}.${group}`);
          const last = ids.at(-1) ?? '';
          const isFailed = outcome === 'failed' && type !== 'now';
          if (outcome === 'refused') bad.add(last);
          if (!isFailed) expected.push(...ids.filter((id) => !bad.has(id)));
          const make = async (): Promise<Op[][]> => {
            for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
            if (isFailed) throw new Error(`made no ${index}`);
            return ids.map((id) => [opOf(id)]);
          };
          const written =
            type === 'now' ? queue.write(ids.map(opOf)) : queue.writeLater(type === 'turn' ? make : make(), 1);
          return written.then(
            () => 'made',
            (error: unknown) => (error instanceof Error && error.message.startsWith('made no') ? 'failed' : 'refused'),
          );
        });
        await queue.idle();
        expect(applied).toEqual(expected);
        expect(queue.length).toBe(0);
        expect(await Promise.all(outcomes)).toEqual(
          calls.map(({ type, outcome }) => (type === 'now' && outcome === 'failed' ? 'made' : outcome)),
        );
      }),
    );
  });

  test('count for what they will be about, until they are known', async () => {
    const { queue } = makeQueue({ callsMax: 2, bytesMax: 100 });
    const made: ((groups: Op[][]) => void)[] = [];
    const first = queue.writeLater(new Promise<Op[][]>((resolve) => made.push(resolve)), 90);
    await expect(queue.write([opOf('a'.repeat(20))])).rejects.toMatchObject({ code: 'client/queue-full' });
    await expect(queue.writeLater(Promise.reject(new Error('unseen')), 20)).rejects.toMatchObject({
      code: 'client/queue-full',
    });
    made[0]?.([[opOf('b')]]);
    await first;
    await queue.write([opOf('a'.repeat(20))]);
  });
});

describe('batching', () => {
  test('can be limited, down to every write alone', async () => {
    const { queue, requests } = makeQueue({ batching: { opsMax: 2 } });
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => queue.write([opOf(id)])));
    expect(requests).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    const alone = makeQueue({ batching: { opsMax: 1, bytesMax: 10 } });
    await Promise.all([alone.queue.write([opOf('a'), opOf('b')]), alone.queue.write([opOf('c')])]);
    expect(alone.requests).toEqual([['a', 'b'], ['c']]);
  });
});

describe('a write that is called off', () => {
  /** A queue whose requests a test answers. */
  function makeSlowQueue(): { queue: RequestQueue; sent: string[][]; answer: () => void } {
    const sent: string[][] = [];
    const answers: (() => void)[] = [];
    const send = ({ ops }: OutgoingRequest): Promise<void> => {
      sent.push(idsOf(ops));
      return new Promise((resolve) => answers.push(resolve));
    };
    const queue = new RequestQueue({ send, makeRequestId: () => 'id', nowMicros: () => 0n });
    return { queue, sent, answer: () => answers.shift()?.() };
  }

  test('before it is sent is not sent; after that its outcome is unknown, and said to be', async () => {
    const { queue, sent, answer } = makeSlowQueue();
    const [early, late] = [new AbortController(), new AbortController()];
    const first = queue.write([opOf('sent')], { signal: late.signal });
    await Promise.resolve();
    const second = queue.write([opOf('waiting')], { signal: early.signal });
    const third = queue.write([opOf('third')]);
    early.abort(new Error('not needed'));
    late.abort(new Error('too late'));
    await expect(second).rejects.toThrow('not needed');
    await expect(first).rejects.toMatchObject({ code: 'client/outcome-unknown', details: { outcome: 'unknown' } });
    answer();
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    answer();
    await third;
    expect(sent).toEqual([['sent'], ['third']]);
    await expect(queue.write([opOf('x')], { signal: early.signal })).rejects.toThrow('not needed');
  });

  test('by its deadline says whether it was sent', async () => {
    const { queue, sent } = makeSlowQueue();
    const first = queue.write([opOf('sent')], { timeoutMs: 5 });
    await Promise.resolve();
    const second = queue.write([opOf('waiting')], { timeoutMs: 5 });
    expect(await Promise.allSettled([first, second])).toMatchObject([
      { reason: { code: 'connection/timeout', details: { outcome: 'unknown' } } },
      { reason: { code: 'connection/timeout', details: { outcome: 'not-sent' } } },
    ]);
    expect(sent).toEqual([['sent']]);
    expect(queue.length).toBe(0);
  });
});
