// - A subscriber gets an event at most once, and exactly once if it was there when the event's delivery began, takes
//   it, and is still there when its turn comes.
// - What a handler throws is reported, and reaches neither the publisher nor another handler.
// - Deliveries nest at most MAX_DEPTH deep.

import { closed, NervError } from '../errors.ts';
import { millisecondsOf, type Clock, type IdSource, type Timers } from '../ids/clock.ts';
import { systemClock, systemIds, systemReport, systemTimers } from '../ids/system.ts';
import { onAbort } from './abort-signal.ts';
import type {
  CoreEventSelector,
  DataArguments,
  EmitOptions,
  EventHandler,
  EventStream,
  EventSubscription,
  StreamOptions,
  WaitOptions,
} from './event-bus.ts';
import { EventBuffer } from './event-stream.ts';
import type { EventMap, EventOf, EventTypeOf, HandlerErrorData, NervEvent } from './event.ts';
import { isPromiseLike } from './promise-like.ts';
import { Router } from './router.ts';
import { Subscriber, type SubscriberOptions } from './subscriber.ts';

/** How many deliveries may be under way inside each other, handlers emitting what handlers handle. */
export const MAX_DEPTH = 256;

/** How many events a queue holds if nobody says. */
export const DEFAULT_CAPACITY = 1024;

const NOTHING = Object.freeze({});

/** What a bus is given. Everything has a default. */
export interface CoreEventBusOptions {
  /** Called with every error of a handler. Default: the console. */
  readonly onError?: ((failure: HandlerErrorData) => void) | undefined;
  readonly clock?: Clock | undefined;
  readonly ids?: IdSource | undefined;
  readonly timers?: Timers | undefined;
}

/** What becomes of one event, for somebody who waits for it. */
export interface DeliveryAccount {
  handled: number;
  readonly errors: unknown[];
  readonly unsettled: PromiseLike<unknown>[];
}

/**
 * The smallest bus: events to handlers, waits and streams of this process, at once. `EventBus` has all of this and
 * more; what begins with `protected` is for it.
 */
export class CoreEventBus<M extends object = EventMap, I extends object = M> {
  protected readonly applicationRouter: Router = new Router();
  protected closed = false;
  protected depth = 0;
  readonly #options: CoreEventBusOptions;
  readonly #nowMs: () => number;
  readonly #ids: IdSource;

  constructor(options: CoreEventBusOptions = {}) {
    this.#options = options;
    this.#nowMs = millisecondsOf(options.clock ?? systemClock);
    this.#ids = options.ids ?? systemIds;
  }

  /** As `EventBus.emit`. */
  emit<T extends EventTypeOf<I>>(type: T, ...rest: DataArguments<I[T], EmitOptions>): string;
  emit(type: string, data?: unknown, options?: EmitOptions): string {
    const event = this.make(type, data, options);
    this.accept(event);
    return event.id;
  }

  /** As `EventBus.subscribe`. */
  subscribe<P extends string>(
    selector: CoreEventSelector<M, P>,
    handler: EventHandler<EventOf<M, P>>,
  ): EventSubscription {
    return this.#add(selector, handler);
  }

  /** As `EventBus.once`. */
  once<P extends string>(selector: CoreEventSelector<M, P>, handler: EventHandler<EventOf<M, P>>): EventSubscription {
    return this.#add(selector, handler, { once: true });
  }

  /** As `EventBus.waitFor`. */
  async waitFor<P extends string>(
    selector: CoreEventSelector<M, P>,
    { timeoutMs, signal }: WaitOptions = {},
  ): Promise<EventOf<M, P>> {
    const stream = this.#listen(selector, { capacity: 1, overflow: 'drop-newest', signal });
    const { timers = systemTimers } = this.#options;
    const cancel = timeoutMs === undefined ? undefined : timers.schedule(() => stream.finish(), timeoutMs);
    try {
      const { done, value } = await stream.next();
      if (done !== true) return value;
      if (signal?.aborted === true) throw signal.reason;
      this.assertOpen();
      // What has no pattern is one, or a predicate, which is named by its source.
      const pattern = String((selector as { readonly pattern?: string }).pattern ?? (selector as string));
      throw new NervError('event/timeout', `No '${pattern}' came within ${timeoutMs} ms.`, {
        details: { pattern, timeoutMs },
        retryable: true,
      });
    } finally {
      cancel?.();
      void stream.return();
    }
  }

  /** As `EventBus.events`. */
  events<P extends string>(selector: CoreEventSelector<M, P>, options: StreamOptions = {}): EventStream<EventOf<M, P>> {
    return this.#listen(selector, options);
  }

  /** Ends subscriptions, streams and waits. Closing twice is harmless. */
  close(): void {
    this.closed = true;
    this.applicationRouter.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  protected make(type: string, data: unknown, options: EmitOptions = NOTHING): NervEvent {
    const nowMs = this.#nowMs();
    const { id = this.#ids.nextId(nowMs), timestamp = nowMs, source, metadata = NOTHING } = options;
    return {
      id,
      type,
      kind: 'application',
      data,
      timestamp,
      source,
      metadata,
      seq: undefined,
      pending: false,
    };
  }

  /** Takes an event that was emitted. */
  protected accept(event: NervEvent): void {
    this.run(this.route(event, this.applicationRouter), event);
  }

  /** The subscribers that an event is to be handed to, at once. */
  protected route(event: NervEvent, router: Router): readonly Subscriber[] {
    this.assertOpen();
    const { type } = event;
    if (this.depth < MAX_DEPTH) return router.route(type);
    throw new NervError('event/limit', `'${type}' was emitted ${MAX_DEPTH} handlers deep.`, {
      details: { type, depth: MAX_DEPTH },
    });
  }

  /** Hands an event to subscribers. Never throws. */
  protected run(route: readonly Subscriber[], event: NervEvent, account?: DeliveryAccount): void {
    this.depth += 1;
    for (const subscriber of route) {
      if (!subscriber.active) continue;
      const { filter, once } = subscriber.options;
      try {
        if (filter !== undefined && !filter(event)) continue;
        if (once === true) subscriber.unsubscribe();
        if (account !== undefined) account.handled += 1;
        const result = subscriber.handler(event);
        if (isPromiseLike(result)) {
          const settled = result.then(undefined, (error: unknown) => this.#failed(error, event, subscriber, account));
          account?.unsettled.push(settled);
        }
      } catch (error) {
        this.#failed(error, event, subscriber, account);
      }
    }
    this.depth -= 1;
  }

  /** Tells of an error of a handler. */
  protected report(failure: HandlerErrorData): void {
    const { onError } = this.#options;
    try {
      if (onError === undefined) systemReport(`A handler of '${failure.event.type}' failed:`, failure.error);
      else onError(failure);
    } catch (error) {
      // A hook that throws must not stop the delivery.
      systemReport('onError failed:', error);
    }
  }

  /** Makes a subscriber of what was asked for, and of what the bus has to be told. */
  protected makeSubscriber(options: SubscriberOptions, handler: (event: NervEvent) => unknown): Subscriber {
    return new Subscriber(options, handler, this.applicationRouter);
  }

  protected assertOpen(): void {
    if (this.closed) throw closed('event/closed', 'bus');
  }

  /** A buffer of the events from now on. */
  #listen<P extends string>(
    selector: CoreEventSelector<M, P>,
    { capacity = DEFAULT_CAPACITY, overflow = 'fail', signal }: StreamOptions,
  ): EventBuffer<EventOf<M, P>> {
    const cleanUps: (() => void)[] = [];
    const buffer = new EventBuffer<EventOf<M, P>>({
      capacity,
      overflow,
      ended: () => cleanUps.forEach((cleanUp) => cleanUp()),
    });
    const subscription = this.#add(selector, (event) => buffer.offer(event), {
      once: false,
      onClose: () => buffer.finish(),
    });
    cleanUps.push(() => subscription.unsubscribe());
    cleanUps.push(onAbort(signal, () => void buffer.return()));
    return buffer;
  }

  #failed(error: unknown, event: NervEvent, { pattern }: Subscriber, account: DeliveryAccount | undefined): void {
    account?.errors.push(error);
    this.report({ error, event, pattern: pattern.source });
  }

  #add<P extends string>(
    selector: CoreEventSelector<M, P>,
    handler: EventHandler<EventOf<M, P>>,
    parts?: Pick<SubscriberOptions, 'once' | 'onClose'>,
  ): Subscriber {
    this.assertOpen();
    const options =
      typeof selector === 'string'
        ? { pattern: selector }
        : typeof selector === 'function'
          ? { pattern: '**', filter: selector }
          : selector;
    // Filter and handler are only ever given events that the pattern matches, which is what their types say.
    const subscriber = this.makeSubscriber(
      { ...options, ...parts } as SubscriberOptions,
      handler as EventHandler<NervEvent>,
    );
    subscriber.router.add(subscriber);
    return subscriber;
  }
}
