export { EventBus } from './event-bus.ts';
export type {
  DataArguments,
  DeliveryReport,
  Durability,
  EmitOptions,
  EventHandler,
  EventPublisher,
  EventSelector,
  EventStream,
  EventSubscription,
  OverflowPolicy,
  PublishOptions,
  StreamOptions,
  SubscribeOptions,
  WaitOptions,
} from './event-bus.ts';
export type { EventBusOptions, LocalEventBus } from './local-event-bus.ts';
export type { BusMiddleware, EventStage, HistoryKeeper, NextStage } from './bus-parts.ts';
export type { AbortSignalLike } from './abort-signal.ts';
export type { EventPage, EventQuery } from './event-query.ts';
export type {
  BusOwnEvents,
  EventKind,
  EventMap,
  EventMetadata,
  EventOf,
  EventRejectedData,
  EventTypeOf,
  HandlerErrorData,
  IncomingEvent,
  NervEvent,
  TypesMatching,
} from './event.ts';
export type { EventPattern } from './pattern.ts';
export { assertPublishable } from './incoming-event.ts';
