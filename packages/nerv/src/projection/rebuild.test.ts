import { describe, expect, test, vi } from 'vitest';
import type { NervEvent } from '../events/event.ts';
import { MAX_WAITING_EVENTS } from './projection-error.ts';
import type { FoldProgress } from './fold-events.ts';
import { Projection } from './projection.ts';
import { rebuildAll } from './rebuild.ts';

function numbered(value: number, seq?: number, id = `id-${value}`): NervEvent {
  const common = { kind: 'application', source: undefined, metadata: {}, pending: false } as const;
  return { ...common, id, type: 'number', data: value, timestamp: seq ?? 1, seq };
}

function makeList(bad: ReadonlySet<number> = new Set(), name = 'list'): Projection<readonly number[]> {
  return new Projection({
    name,
    initial: [] as readonly number[],
    on: {
      number: (state: readonly number[], event: NervEvent) => {
        if (bad.has(event.data as number)) throw new Error(`cannot take ${String(event.data)}`);
        return [...state, event.data as number];
      },
    },
  });
}

async function* slowly(events: readonly NervEvent[]): AsyncGenerator<NervEvent> {
  for (const event of events) {
    await Promise.resolve();
    yield event;
  }
}

const range = (count: number, withSeq = true): NervEvent[] =>
  Array.from({ length: count }, (_, place) => numbered(1, withSeq ? place + 1 : undefined));

test('a rebuilding is of its events alone, and what came meanwhile follows once', async () => {
  const list = makeList();
  list.apply(numbered(1000, 1));
  const seen: (readonly number[])[] = [];
  list.subscribe((state) => seen.push(state));
  const done = list.rebuild(slowly([numbered(1, 1), numbered(2, 2), numbered(2, 2), numbered(3, 3)]));
  list.apply(numbered(3, 3));
  list.apply(numbered(4, 4));
  expect(list.state).toEqual([1000]);
  expect(list.waiting).toBe(2);
  await done;
  expect(list.state).toEqual([1, 2, 3, 4]);
  expect(seen).toEqual([
    [1, 2, 3],
    [1, 2, 3, 4],
  ]);
  expect(list.position).toEqual({ events: 4, seq: 4, eventId: 'id-4', timeMs: 4 });
});

test('events without a seq that waited are told apart by id from those that were rebuilt', async () => {
  const list = makeList(new Set([13]));
  expect(() => list.apply(numbered(13))).toThrow();
  list.apply(numbered(2));
  const done = list.rebuild(slowly([numbered(1), numbered(2), numbered(3)]));
  list.apply(numbered(3));
  list.apply(numbered(4));
  await done;
  expect(list.state).toEqual([1, 2, 3, 4]);
});

test('nobody resumes it or lets it follow a source meanwhile', async () => {
  const list = makeList(new Set([13]));
  expect(() => list.apply(numbered(13))).toThrow();
  const done = list.rebuild(slowly([numbered(1)]));
  const invalid = expect.objectContaining({ code: 'projection/invalid' });
  const follow = vi.fn();
  expect(() => list.resume({ skip: 'id-13' })).toThrow(invalid);
  expect(() => list.follow({ read: () => [], follow })).toThrow(invalid);
  await done;
  expect(follow).not.toHaveBeenCalled();
  expect(list.state).toEqual([1]);
});

test('progress is told each 1,000 events and at the end', async () => {
  const list = makeList();
  const progress: FoldProgress[] = [];
  await list.rebuild(range(2500), { onProgress: (now) => progress.push(now) });
  expect(progress).toEqual([1000, 2000, 2500].map((events) => ({ events, seq: events, timeMs: events })));
  progress.length = 0;
  await list.rebuild(slowly(range(1000, false)), { onProgress: (now) => progress.push(now) });
  expect(progress).toEqual([{ events: 1000, seq: undefined, timeMs: 1 }]);
  progress.length = 0;
  await list.rebuild([], { onProgress: (now) => progress.push(now) });
  expect(progress).toEqual([]);
  expect(list.state).toEqual([]);
});

describe('others run in between', () => {
  function* endless(onEvent: (seq: number) => void): Generator<NervEvent> {
    for (let seq = 1; ; seq += 1) {
      onEvent(seq);
      yield numbered(1, seq);
    }
  }
  const counting = (): Projection<number> =>
    new Projection({ name: 'count', initial: 0, on: { '**': (state: number) => state + 1 } });

  test('so that a signal can end an endless rebuilding, which changes nothing', async () => {
    const count = counting();
    count.apply(numbered(1));
    const controller = new AbortController();
    const reason = new Error('enough');
    const schedule = (callback: () => void): (() => void) => {
      controller.abort(reason);
      queueMicrotask(callback);
      return () => undefined;
    };
    const done = count.rebuild(
      endless(() => undefined),
      { signal: controller.signal, timers: { schedule } },
    );
    await expect(done).rejects.toBe(reason);
    expect([count.state, count.waiting]).toEqual([1, 0]);
    expect(count.apply(numbered(1))).toBe(true);
    expect(count.state).toBe(2);
  });

  test("by the system's timers, if none were given", async () => {
    const count = counting();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 0);
    const done = count.rebuild(
      endless(() => undefined),
      { signal: controller.signal },
    );
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('also where events come one by one, and the signal is heeded at each', async () => {
    const count = counting();
    const controller = new AbortController();
    const given: number[] = [];
    async function* abortAtThird(): AsyncGenerator<NervEvent> {
      for (const event of endless((seq) => given.push(seq))) {
        if (event.seq === 3) controller.abort();
        yield await Promise.resolve(event);
      }
    }
    await expect(count.rebuild(abortAtThird(), { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(given).toEqual([1, 2, 3]);
    const pauses = vi.fn((callback: () => void) => {
      queueMicrotask(callback);
      return () => undefined;
    });
    // Were there no pauses, this would never end.
    async function* untilPaused(): AsyncGenerator<NervEvent> {
      for (const event of endless(() => undefined)) {
        if (pauses.mock.calls.length > 0) return;
        yield event;
      }
    }
    await count.rebuild(untilPaused(), { timers: { schedule: pauses } });
    expect(pauses).toHaveBeenCalledOnce();
  });

  test('a signal that is aborted already lets nothing begin', async () => {
    const given = vi.fn();
    await expect(counting().rebuild(endless(given), { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(given).not.toHaveBeenCalled();
  });
});

describe('a rebuilding that fails', () => {
  test('changes nothing but takes what came meanwhile', async () => {
    const list = makeList(new Set([13]));
    list.apply(numbered(10, 1));
    const done = list.rebuild(slowly([numbered(1, 1), numbered(13, 2)]));
    list.apply(numbered(5, 3));
    expect(() => list.restore(list.snapshot())).toThrow(expect.objectContaining({ code: 'projection/invalid' }));
    await expect(list.rebuild([])).rejects.toMatchObject({ code: 'projection/invalid' });
    await expect(done).rejects.toMatchObject({
      code: 'projection/failed',
      details: { id: 'id-13', seq: 2 },
    });
    expect(list.state).toEqual([10, 5]);
  });

  test('leaves a projection that had stopped where it stopped', async () => {
    const list = makeList(new Set([13]));
    expect(() => list.apply(numbered(13))).toThrow();
    list.apply(numbered(2));
    await expect(list.rebuild([numbered(1), numbered(13), numbered(2)])).rejects.toBeInstanceOf(Error);
    expect(list.failure).toMatchObject({ code: 'projection/failed' });
    list.resume({ skip: 'id-13' });
    expect(list.state).toEqual([2]);
  });

  test('by what its source or progress throws', async () => {
    const list = makeList();
    const broken = new Error('source');
    async function* breaking(): AsyncGenerator<NervEvent> {
      yield await Promise.resolve(numbered(1));
      throw broken;
    }
    await expect(list.rebuild(breaking())).rejects.toBe(broken);
    const onProgress = (): void => {
      throw broken;
    };
    await expect(list.rebuild([numbered(1)], { onProgress })).rejects.toBe(broken);
    expect(list.state).toEqual([]);
    await list.rebuild([numbered(1)]);
    expect(list.state).toEqual([1]);
  });

  test('at what came meanwhile is told, and stands at that event', async () => {
    const list = makeList(new Set([13]));
    const done = list.rebuild(slowly([numbered(1, 1)]));
    list.apply(numbered(13, 2));
    list.apply(numbered(3, 3));
    await expect(done).rejects.toMatchObject({ code: 'projection/failed', details: { seq: 2 } });
    expect([list.state, list.waiting]).toEqual([[1], 1]);
  });

  test('because too many events came meanwhile: it changes nothing, and takes nothing more', async () => {
    const list = makeList();
    list.apply(numbered(7));
    let finish = (): void => undefined;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    async function* gated(): AsyncGenerator<NervEvent> {
      yield numbered(1);
      await gate;
    }
    const done = list.rebuild(gated());
    const event = numbered(2);
    for (let n = 0; n < MAX_WAITING_EVENTS; n += 1) list.apply(event);
    const limit = expect.objectContaining({ code: 'projection/limit' });
    expect(() => list.apply(event)).toThrow(limit);
    expect(() => list.apply(event)).toThrow(limit);
    finish();
    await expect(done).rejects.toEqual(limit);
    expect(list.state).toEqual([7]);
    expect(() => list.apply(event)).toThrow(limit);
    expect(list.failure).toEqual(limit);
  });
});

describe('several projections', () => {
  test('are rebuilt in one pass; one that fails stays and holds up no other', async () => {
    const good = makeList(new Set(), 'good');
    const fragile = makeList(new Set([2]), 'fragile');
    let passes = 0;
    function* once(): Generator<NervEvent> {
      passes += 1;
      for (const value of [1, 2, 3]) yield numbered(value);
    }
    await expect(rebuildAll([fragile, good], once())).rejects.toMatchObject({
      code: 'projection/failed',
      details: { projection: 'fragile' },
    });
    expect([good.state, fragile.state, passes]).toEqual([[1, 2, 3], [], 1]);
    await rebuildAll([fragile, good], [numbered(4)]);
    expect([good.state, fragile.state]).toEqual([[4], [4]]);
  });

  test('of which all have failed read no further', async () => {
    const given: number[] = [];
    function* counted(): Generator<NervEvent> {
      for (let value = 1; ; value += 1) {
        given.push(value);
        yield numbered(value);
      }
    }
    await expect(rebuildAll([makeList(new Set([2])), makeList(new Set([3]))], counted())).rejects.toMatchObject({
      details: { id: 'id-2' },
    });
    expect(given).toEqual([1, 2, 3]);
  });

  test('of which one is being rebuilt already are left alone', async () => {
    const [one, other] = [makeList(), makeList()];
    const done = other.rebuild(slowly([numbered(1)]));
    await expect(rebuildAll([one, other], [numbered(2)])).rejects.toMatchObject({
      code: 'projection/invalid',
    });
    await done;
    expect(one.apply(numbered(3))).toBe(true);
    expect([one.state, other.state]).toEqual([[3], [1]]);
  });
});
