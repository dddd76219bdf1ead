import { expectTypeOf } from 'vitest';
import { ChildEventBus } from './child-bus.ts';
import { publisherAfter } from './context.ts';
import { CoreEventBus } from './core.ts';
import { EventBus } from './event-bus.ts';
import type { EventOf, HandlerErrorData, NervEvent, TypesMatching } from './event.ts';
import { subscribeWithReplay } from './history.ts';
import type { InputsOf, OutputsOf } from './schemas.ts';
import type { StandardSchema } from './standard-schema.ts';

interface Shop {
  order: { readonly kind: 'root' };
  'order.placed': { readonly total: number };
  'order.line.added': { readonly line: string };
  tick: undefined;
}

expectTypeOf<TypesMatching<keyof Shop, 'order.*'>>().toEqualTypeOf<'order.placed'>();
expectTypeOf<TypesMatching<keyof Shop, 'order.**'>>().toEqualTypeOf<'order' | 'order.placed' | 'order.line.added'>();
expectTypeOf<TypesMatching<keyof Shop, '**.added'>>().toEqualTypeOf<'order.line.added'>();
expectTypeOf<TypesMatching<keyof Shop, '*.*.*'>>().toEqualTypeOf<'order.line.added'>();
expectTypeOf<TypesMatching<keyof Shop, '**'>>().toEqualTypeOf<keyof Shop>();
expectTypeOf<TypesMatching<keyof Shop, 'nothing'>>().toEqualTypeOf<never>();

const bus = new EventBus<Shop>();
const shared: EventBus<Shop> = bus;

expectTypeOf(bus.publish('order.placed', { total: 1 })).toEqualTypeOf<string>();
expectTypeOf(shared.publish('order.placed', { total: 1 })).toEqualTypeOf<string | Promise<string>>();
expectTypeOf(bus.query()).toExtend<readonly NervEvent[]>();

bus.emit('tick');
bus.emit('tick', undefined, { source: 'clock' });
// @ts-expect-error the data of this type is required
bus.emit('order.placed');
// @ts-expect-error the data is of another type
bus.emit('order.placed', { total: '1' });
// @ts-expect-error there is no such type
bus.emit('order.lost', {});

bus.subscribe('order.placed', (event) => {
  expectTypeOf(event).toEqualTypeOf<NervEvent<'order.placed', { readonly total: number }>>();
});
bus.subscribe('order.**', (event) => {
  expectTypeOf(event.type).toEqualTypeOf<'order' | 'order.placed' | 'order.line.added'>();
  if (event.type === 'order.placed') expectTypeOf(event.data.total).toEqualTypeOf<number>();
});
bus.subscribe({ pattern: 'order.*', filter: (event) => event.data.total > 1 }, (event) => {
  expectTypeOf(event.data.total).toEqualTypeOf<number>();
});
bus.subscribe(
  (event) => event.type === 'tick',
  (event) => {
    expectTypeOf(event.type).toEqualTypeOf<keyof Shop>();
  },
);
bus.subscribe('handler.error', (event) => {
  expectTypeOf(event.data).toEqualTypeOf<HandlerErrorData>();
});
bus.subscribe({ pattern: 'ENTITY_*', kind: 'system' }, (event) => {
  expectTypeOf(event).toEqualTypeOf<NervEvent>();
});
expectTypeOf(bus.waitFor('order.placed')).resolves.toEqualTypeOf<EventOf<Shop, 'order.placed'>>();
expectTypeOf(bus.waitFor('order.placed', { signal: AbortSignal.timeout(1) })).resolves.toExtend<NervEvent>();
expectTypeOf(bus.events('order.*')[Symbol.asyncIterator]().next()).resolves.toExtend<
  IteratorResult<EventOf<Shop, 'order.*'>, undefined>
>();

const open = new EventBus();
open.emit('anything');
open.emit('anything', { at: 'all' });
open.subscribe('any.*', (event) => {
  expectTypeOf(event.data).toEqualTypeOf<unknown>();
  expectTypeOf(event.type).toEqualTypeOf<string>();
});

const core = new CoreEventBus<Shop>();
core.subscribe('order.*', (event) => {
  expectTypeOf(event.data.total).toEqualTypeOf<number>();
});
// @ts-expect-error the core bounds no concurrency
core.subscribe({ pattern: 'order.*', concurrency: 1 }, () => undefined);
// @ts-expect-error the core keeps no past
expectTypeOf(core.query()).toBeNever();

const child: EventBus<Shop> = new ChildEventBus<Shop>(open);
expectTypeOf(child.waitFor('order.placed')).resolves.toEqualTypeOf<EventOf<Shop, 'order.placed'>>();

subscribeWithReplay(bus, { pattern: 'order.placed' }, (event) => {
  expectTypeOf(event.data.total).toEqualTypeOf<number>();
});

bus.subscribe('order.placed', (event) => {
  const publisher = publisherAfter(bus, event);
  expectTypeOf(publisher.publish('order', { kind: 'root' })).toEqualTypeOf<string>();
  // @ts-expect-error the data is of another type
  publisher.emit('order', 7);
});

interface Schemas {
  readonly [type: string]: StandardSchema;
  readonly 'order.placed': StandardSchema<{ total?: number }, { total: number }>;
}
type Listed = Pick<Schemas, 'order.placed'>;
const checked = new EventBus<OutputsOf<Listed>, InputsOf<Listed>>();
checked.emit('order.placed', {});
// @ts-expect-error the data is not what the schema takes
checked.emit('order.placed', { total: 'five' });
checked.subscribe('order.placed', (event) => {
  expectTypeOf(event.data).toEqualTypeOf<{ total: number }>();
});
