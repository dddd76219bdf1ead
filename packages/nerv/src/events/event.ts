/** What an event is about: the application's own facts, or records that the system keeps about itself. */
export type EventKind = 'application' | 'system';

/** The event types of a bus that was given none: any type, any data. */
export type EventMap = Record<string, unknown>;

/** Data about an event that is not part of it: correlation ids, trace context, the user's own keys. */
export type EventMetadata = Readonly<Record<string, unknown>>;

/**
 * One event. It is the same object for every handler, so nobody may change it or its data.
 * `timestamp` is in milliseconds since 1970. `seq` is its place in the log, once it has one.
 * `pending` is true while a log has been asked for it and has not answered.
 */
export interface NervEvent<Type extends string = string, Data = unknown> {
  readonly id: string;
  readonly type: Type;
  readonly kind: EventKind;
  readonly data: Data;
  readonly timestamp: number;
  readonly source: string | undefined;
  readonly metadata: EventMetadata;
  readonly seq: number | undefined;
  readonly pending: boolean;
}

/** An event as a log or another bus hands it over: `deliver` fills in what is missing. */
export interface IncomingEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly timestamp: number;
  readonly kind?: EventKind | undefined;
  readonly source?: string | undefined;
  readonly metadata?: EventMetadata | undefined;
  readonly seq?: number | undefined;
  readonly pending?: boolean | undefined;
}

/** The types of an event map. */
export type EventTypeOf<M extends object> = Extract<keyof M, string>;

/**
 * What a `handler.error` event says: which handler failed, on which event, with what.
 * The error hook is told of refusals by asynchronous middleware too; their `pattern` is empty.
 */
export interface HandlerErrorData {
  readonly error: unknown;
  readonly pattern: string;
  readonly event: NervEvent;
}

/** What an `event.rejected` event says. Its id is that of the event that a log or asynchronous middleware refused. */
export interface EventRejectedData {
  readonly type: string;
  readonly reason: unknown;
}

/**
 * The events a bus itself makes, of kind `system`. Nobody else may emit them.
 * A subscription to exactly one of them needs no `kind`.
 */
export interface BusOwnEvents {
  'handler.error': HandlerErrorData;
  'event.rejected': EventRejectedData;
}

/**
 * The event union that a pattern selects from an event map, told apart by `type`. A pattern that selects no type of
 * the map (system events, or events of other programs) gives events of unknown data.
 */
export type EventOf<M extends object, P extends string> = P extends keyof BusOwnEvents
  ? EventsOfTypes<BusOwnEvents, P>
  : string extends keyof M
    ? NervEvent<WildcardFree<P>, string extends P ? M[keyof M] : DataOfOpenMap<M, P>>
    : OrAnyEvent<EventsOfTypes<M, TypesMatching<EventTypeOf<M>, P>>>;

type OrAnyEvent<E extends NervEvent> = [E] extends [never] ? NervEvent : E;

type EventsOfTypes<M extends object, T> = {
  [K in Extract<T, keyof M & string>]: NervEvent<K, M[K]>;
}[Extract<T, keyof M & string>];

type DataOfOpenMap<M extends object, P extends string> = P extends keyof M ? M[P] : M[keyof M];

type WildcardFree<P extends string> = P extends `${string}*${string}` ? string : P;

/** Those of the types `T` that the pattern `P` matches, computed by the compiler. */
export type TypesMatching<T extends string, P extends string> = string extends P
  ? T
  : T extends string
    ? MatchSegments<Segments<P>, Segments<T>> extends true
      ? T
      : never
    : never;

type Segments<S extends string> = S extends `${infer Head}.${infer Rest}` ? [Head, ...Segments<Rest>] : [S];

type MatchSegments<P extends readonly string[], T extends readonly string[]> = P extends [
  infer Wanted extends string,
  ...infer LaterPattern extends string[],
]
  ? Wanted extends '**'
    ? MatchSegments<LaterPattern, T> extends true
      ? true
      : T extends [string, ...infer LaterType extends string[]]
        ? MatchSegments<P, LaterType>
        : false
    : T extends [infer Segment extends string, ...infer LaterType extends string[]]
      ? Wanted extends '*' | Segment
        ? MatchSegments<LaterPattern, LaterType>
        : false
      : false
  : T extends []
    ? true
    : false;
