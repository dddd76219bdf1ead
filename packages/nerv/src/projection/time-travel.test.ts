import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NervEvent } from '../events/event.ts';
import { START, type ProjectionPosition } from './position.ts';
import { Projection } from './projection.ts';
import type { ProjectionSource } from './projection-source.ts';

function numbered(value: number, seq?: number, timestamp: number = seq ?? value): NervEvent {
  const common = { kind: 'application', source: undefined, metadata: {}, pending: false } as const;
  return { ...common, id: `id-${value}`, type: 'number', data: value, timestamp, seq };
}

function makeList(every = 4, keep = 3): Projection<readonly number[]> {
  return new Projection({
    name: 'list',
    initial: [] as readonly number[],
    on: {
      number: (state: readonly number[], event: NervEvent) => {
        if (event.data === 13) throw new Error('cannot');
        return [...state, event.data as number];
      },
    },
    checkpoints: { every, keep },
  });
}

/** A source that says from where it was read, and how far. */
class ListSource implements ProjectionSource {
  readonly reads: { readonly from: number; given: number }[] = [];
  readonly #events: readonly NervEvent[];

  constructor(events: readonly NervEvent[]) {
    this.#events = events;
  }

  *read(after: ProjectionPosition = START): Generator<NervEvent> {
    const from =
      after.seq === undefined
        ? this.#events.findIndex(({ id }) => id === after.eventId) + 1
        : this.#events.findIndex(({ seq }) => seq !== undefined && seq > after.seq!);
    const read = { from, given: 0 };
    this.reads.push(read);
    for (const event of from < 0 ? [] : this.#events.slice(from)) {
      read.given += 1;
      yield event;
    }
  }

  follow(): never {
    throw new Error('is not followed here');
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, place) => place + 100);

test('what it was at a seq is read from the nearest checkpoint on, no further than needed', async () => {
  const events = numbers(20).map((value, place) => numbered(value, (place + 1) * 10));
  const list = makeList();
  for (const event of events) list.apply(event);
  const source = new ListSource(events);
  expect(await list.at(source, { seq: 95 })).toEqual({
    name: 'list',
    version: 1,
    position: { events: 9, seq: 90, eventId: 'id-108', timeMs: 90 },
    state: numbers(9),
  });
  expect(source.reads).toEqual([{ from: 8, given: 2 }]);
  expect((await list.at(source, { seq: 90 })).state).toEqual(numbers(9));
  expect(source.reads.at(-1)).toEqual({ from: 8, given: 1 });
  expect((await list.at(source, { seq: 5 })).state).toEqual([]);
  expect((await list.at(source, { seq: 200 })).state).toBe(list.state);
  expect(source.reads).toHaveLength(3);
  expect((await list.at(source, { seq: 1000 })).state).toBe(list.state);
  expect(list.state).toEqual(numbers(20));
});

test('what it was at a time ends before the first later event, and trusts no checkpoint behind one', async () => {
  const times = [1, 2, 9, 3, 4, 5, 6, 7];
  const events = times.map((time, place) => numbered(place, place + 1, time));
  const list = makeList(2);
  for (const event of events) list.apply(event);
  const source = new ListSource(events);
  expect((await list.at(source, { time: 5 })).state).toEqual([0, 1]);
  expect((await list.at(source, { time: new Date(9) })).state).toBe(list.state);
  expect((await list.at(source, { time: 0 })).state).toEqual([]);
});

test('whatever checkpoints are kept, the past is the fold of the events up to there', async () => {
  const shape = fc.record({
    count: fc.nat(60),
    every: fc.integer({ min: 1, max: 7 }),
    keep: fc.nat(4),
    until: fc.nat(70),
    hasSeq: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(shape, async ({ count, every, keep, until, hasSeq }) => {
      const events = numbers(count).map((value, place) => numbered(value, hasSeq ? place + 1 : undefined));
      const list = makeList(every, keep);
      for (const [place, event] of events.entries()) {
        if (place === until) list.tag('here');
        list.apply(event);
      }
      const source = new ListSource(events);
      const expected = numbers(Math.min(count, until));
      if (hasSeq) expect((await list.at(source, { seq: until })).state).toEqual(expected);
      if (until < count) expect((await list.at(source, { tag: 'here' })).state).toEqual(expected);
      expect((await list.at(source, { time: until + 99 })).state).toEqual(hasSeq ? numbers(count) : expected);
    }),
  );
});

describe('tags', () => {
  test('keep what the projection was, also when it is rebuilt', async () => {
    const list = makeList();
    list.apply(numbered(1, 1));
    list.tag('one');
    list.apply(numbered(2, 2));
    list.tag('two');
    expect(list.tags).toEqual(['one', 'two']);
    await list.rebuild([numbered(5, 1), numbered(6, 2)]);
    expect(list.tagged('one')).toMatchObject({ position: { seq: 1 }, state: [1] });
    expect((await list.at(new ListSource([numbered(5, 1), numbered(6, 2)]), { tag: 'one' })).state).toEqual([5]);
    list.restore(list.tagged('one')!);
    expect(list.state).toEqual([1]);
    expect([list.deleteTag('one'), list.deleteTag('one')]).toEqual([true, false]);
    expect(list.tagged('one')).toBeUndefined();
  });

  test('are unique and limited', () => {
    const list = makeList();
    for (let n = 0; n < 1000; n += 1) list.tag(`t${n}`);
    expect(() => list.tag('t5')).toThrow(expect.objectContaining({ code: 'projection/invalid' }));
    expect(() => list.tag('one more')).toThrow(expect.objectContaining({ code: 'projection/limit' }));
  });

  test('at the start lead back to the start', async () => {
    const list = makeList();
    list.tag('begin');
    list.apply(numbered(1));
    expect((await list.at(new ListSource([numbered(1)]), { tag: 'begin' })).state).toEqual([]);
  });
});

describe('the past is refused', () => {
  test('for a tag that there is not, and one that the source does not reach', async () => {
    const list = makeList();
    list.apply(numbered(1));
    list.tag('one');
    list.apply(numbered(2));
    await expect(list.at(new ListSource([]), { tag: 'none' })).rejects.toMatchObject({
      code: 'projection/invalid',
    });
    await expect(list.at(new ListSource([numbered(2)]), { tag: 'one' })).rejects.toMatchObject({
      code: 'projection/gap',
    });
  });

  test('by seq where events have none', async () => {
    const list = makeList();
    const source = new ListSource([numbered(1)]);
    list.apply(numbered(1));
    await expect(list.at(source, { seq: 1 })).rejects.toMatchObject({ code: 'projection/invalid' });
  });

  test('at an event that a reducer cannot take, and when the signal says so', async () => {
    const list = makeList();
    const source = new ListSource([numbered(13, 1)]);
    list.restore({ ...list.snapshot(), position: { ...START, events: 5, seq: 9 } });
    await expect(list.at(source, { seq: 3 })).rejects.toMatchObject({
      code: 'projection/failed',
      details: { seq: 1 },
    });
    await expect(list.at(source, { seq: 3 }, { signal: AbortSignal.abort('no') })).rejects.toBe('no');
    expect(list.failure).toBeUndefined();
  });
});
