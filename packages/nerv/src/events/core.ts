export { CoreEventBus } from './core-event-bus.ts';
export type { CoreEventBusOptions } from './core-event-bus.ts';
export type { AbortSignalLike } from './abort-signal.ts';
export type {
  CoreEventSelector,
  CoreSubscribeOptions,
  DataArguments,
  EmitOptions,
  EventHandler,
  EventStream,
  EventSubscription,
  OverflowPolicy,
  StreamOptions,
  WaitOptions,
} from './event-bus.ts';
export type { EventMap, EventMetadata, EventOf, EventTypeOf, HandlerErrorData, NervEvent } from './event.ts';
