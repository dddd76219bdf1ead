import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { EventBus } from './event-bus.ts';
import type { LocalEventBus } from './local-event-bus.ts';
import { MiddlewareStack } from './middleware.ts';
import { checkSchemas, type InputsOf, type OutputsOf, type SchemaOptions } from './schemas.ts';
import type { StandardResult, StandardSchema } from './standard-schema.ts';

function makeSchema<I, O>(
  validate: (value: unknown) => StandardResult<O> | Promise<StandardResult<O>>,
): StandardSchema<I, O> {
  return { '~standard': { version: 1, vendor: 'test', validate } };
}

interface Order {
  readonly total: number;
}

/** Takes an order without a total, and makes it nothing. */
const order = makeSchema<Partial<Order>, Order>((value) => {
  const { total = 0 } = (value ?? {}) as Partial<Order>;
  if (typeof total === 'number') return { value: { total } };
  return {
    issues: [{ message: 'must be a number', path: ['lines', { key: 0 }, 'total'] }, { message: 'bad' }],
  };
});
const slow = makeSchema<string, string>(async (value) => {
  await Promise.resolve();
  return typeof value === 'string' ? { value } : { issues: [{ message: 'must be a text' }] };
});
const schemas = { 'order.placed': order, note: slow };

function open(options?: SchemaOptions): LocalEventBus {
  return new EventBus({
    middleware: new MiddlewareStack([checkSchemas(schemas, options)]),
    onError: () => undefined,
  });
}

describe('schemas', () => {
  test('data that fits is delivered as the schema makes it', () => {
    const bus = open();
    const seen: unknown[] = [];
    bus.subscribe('order.*', (event) => seen.push(event.data));
    bus.emit('order.placed', { total: 5, more: 1 });
    bus.emit('order.placed', {});
    expect(seen).toEqual([{ total: 5 }, { total: 0 }]);
  });

  test('data that does not fit is refused with the places, on publish and on receipt, and nobody gets it', () => {
    const bus = open();
    let calls = 0;
    bus.subscribe('**', () => (calls += 1));
    const refusal = expect.objectContaining({
      code: 'event/invalid-data',
      message: expect.stringContaining('lines.0.total: must be a number; bad') as string,
      details: {
        id: 'e',
        type: 'order.placed',
        issues: [
          { message: 'must be a number', path: ['lines', '0', 'total'] },
          { message: 'bad', path: [] },
        ],
      },
    }) as Error;
    const wrong = { total: '5' };
    expect(() => bus.emit('order.placed', wrong, { id: 'e' })).toThrow(refusal);
    expect(() => bus.deliver({ id: 'e', type: 'order.placed', data: wrong, timestamp: 1 })).toThrow(refusal);
    expect(calls).toBe(0);
  });

  test('an asynchronous schema delays delivery, and refuses as asynchronous middleware does', async () => {
    const bus = open();
    const seen: unknown[] = [];
    bus.subscribe('note', (event) => seen.push(event.data));
    expect((await bus.publishAndWait('note', 'x')).handled).toBe(1);
    expect(await bus.deliver({ id: 'e', type: 'note', data: 'y', timestamp: 1 })).toMatchObject({
      handled: 1,
    });
    await expect(bus.publishAndWait('note', 7)).rejects.toMatchObject({
      code: 'event/invalid-data',
    });
    const rejected = bus.waitFor('event.rejected');
    const id = bus.emit('note', 7);
    expect(await rejected).toMatchObject({
      id,
      data: { type: 'note', reason: { code: 'event/invalid-data' } },
    });
    expect(seen).toEqual(['x', 'y']);
  });

  test('types without a schema pass, or are refused if so asked; records of the system pass', () => {
    expect(open().emit('other', 1)).toEqual(expect.any(String));
    const strict = open({ unlisted: 'refuse' });
    expect(() => strict.emit('other', 1)).toThrow(expect.objectContaining({ code: 'event/invalid-data' }));
    expect(() => strict.emit('toString', 1)).toThrow(expect.objectContaining({ code: 'event/invalid-data' }));
    let calls = 0;
    strict.subscribe({ pattern: '**', kind: 'system' }, () => (calls += 1));
    strict.deliver({ id: 'e', type: 'ENTITY_CREATED', data: 1, timestamp: 1, kind: 'system' });
    expect(calls).toBe(1);
  });

  test('publishers give what the schema takes, handlers get what it makes', () => {
    const middleware = new MiddlewareStack([checkSchemas(schemas)]);
    const bus = new EventBus<OutputsOf<typeof schemas>, InputsOf<typeof schemas>>({ middleware });
    const totals: number[] = [];
    bus.subscribe('order.placed', (event) => totals.push(event.data.total));
    bus.emit('order.placed', {});
    expect(totals).toEqual([0]);
  });

  test.each([
    ['zod', z.object({ total: z.number(), note: z.string().default('none') })],
    ['valibot', v.object({ total: v.number(), note: v.optional(v.string(), 'none') })],
  ])('a schema of %s checks and completes data, and says where it does not fit', (_, schema) => {
    const bus = new EventBus({
      middleware: new MiddlewareStack([checkSchemas({ 'order.placed': schema })]),
    });
    const seen: unknown[] = [];
    bus.subscribe('order.placed', (event) => seen.push(event.data));
    bus.emit('order.placed', { total: 5 });
    expect(seen).toEqual([{ total: 5, note: 'none' }]);
    expect(() => bus.emit('order.placed', { total: '5' })).toThrow(
      expect.objectContaining({
        code: 'event/invalid-data',
        details: expect.objectContaining({
          issues: [{ message: expect.any(String) as string, path: ['total'] }],
        }) as unknown,
      }),
    );
  });

  test('the types of a schema of another library are those of the events', () => {
    const listed = { 'order.placed': z.object({ total: z.number().default(7) }) };
    const middleware = new MiddlewareStack([checkSchemas(listed)]);
    const bus = new EventBus<OutputsOf<typeof listed>, InputsOf<typeof listed>>({ middleware });
    const totals: number[] = [];
    bus.subscribe('order.*', (event) => totals.push(event.data.total));
    bus.emit('order.placed', {});
    expect(totals).toEqual([7]);
  });
});
