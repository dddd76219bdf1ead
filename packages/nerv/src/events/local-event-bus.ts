import { NervError } from '../errors.ts';
import type { EventStage, HistoryKeeper } from './bus-parts.ts';
import {
  CoreEventBus,
  DEFAULT_CAPACITY,
  MAX_DEPTH,
  type CoreEventBusOptions,
  type DeliveryAccount,
} from './core-event-bus.ts';
import { DeliveryLane } from './delivery-lane.ts';
import type {
  DataArguments,
  DeliveryReport,
  EmitOptions,
  EventBus,
  EventHandler,
  EventSelector,
  EventStream,
  EventSubscription,
  PublishOptions,
  StreamOptions,
  SubscribeOptions,
  WaitOptions,
} from './event-bus.ts';
import type { EventPage, EventQuery } from './event-query.ts';
import type { EventMap, EventOf, EventTypeOf, HandlerErrorData, IncomingEvent, NervEvent } from './event.ts';
import { assertNotOwn, checkedCount, isOwnType, makeIncomingEvent } from './incoming-event.ts';
import type { MiddlewareStack } from './middleware.ts';
import { isPromiseLike } from './promise-like.ts';
import { Router } from './router.ts';
import { Subscriber, type SubscriberOptions } from './subscriber.ts';

/** What a bus is given. Everything has a default. */
export interface EventBusOptions extends CoreEventBusOptions {
  /** What remembers past events; default: nothing does. */
  readonly history?: HistoryKeeper | undefined;
  /** What stands in the way of events; default: nothing does. */
  readonly middleware?: MiddlewareStack | undefined;
  /** Called with every error of a handler. Default: the console, unless somebody subscribes to `handler.error`. */
  readonly onError?: ((failure: HandlerErrorData) => void) | undefined;
}

/**
 * The `EventBus` of this process alone, exported under that name. Publishing and reading are synchronous; where
 * middleware is not, `emit` and `publish` return before the event is delivered, and a refusal is reported and told
 * by an `event.rejected` of the event's id.
 */
export class LocalEventBus<M extends object = EventMap, I extends object = M>
  extends CoreEventBus<M, I>
  implements EventBus<M, I>
{
  readonly #options: EventBusOptions;
  readonly #publishStage: EventStage | undefined;
  readonly #systemRouter = new Router();

  constructor(options: EventBusOptions = {}) {
    super(options);
    this.#options = options;
    this.#publishStage = options.middleware?.publish;
  }

  publish<T extends EventTypeOf<I>>(type: T, ...rest: DataArguments<I[T], PublishOptions>): string;
  publish(type: string, data?: unknown, options?: PublishOptions): string {
    const event = this.#makeToPublish(type, data, options);
    this.accept(event);
    return event.id;
  }

  publishAndWait<T extends EventTypeOf<I>>(
    type: T,
    ...rest: DataArguments<I[T], PublishOptions>
  ): Promise<DeliveryReport>;
  async publishAndWait(type: string, data?: unknown, options?: PublishOptions): Promise<DeliveryReport> {
    const event = this.#makeToPublish(type, data, options);
    const account = makeAccount();
    return await report(event.id, account, this.#enter(event, this.#publishStage, account));
  }

  /**
   * Delivers an event that comes from elsewhere: from a log or another bus. The report resolves when all handlers have
   * settled and streams had room; undefined if nobody took the event.
   * @throws NervError `event/invalid`, `event/limit`, `event/closed`, and what synchronous middleware throws
   */
  deliver(incoming: IncomingEvent): Promise<DeliveryReport> | undefined {
    const event = makeIncomingEvent(incoming);
    const account = makeAccount();
    const entered = this.#enter(event, this.#options.middleware?.receive, account);
    return account.handled > 0 || isPromiseLike(entered) ? report(event.id, account, entered) : undefined;
  }

  // What follows takes more options than the core does; `makeSubscriber` sees to them.
  override subscribe<P extends string>(
    selector: EventSelector<M, P>,
    handler: EventHandler<EventOf<M, P>>,
  ): EventSubscription {
    return super.subscribe(selector, handler);
  }

  override once<P extends string>(
    selector: EventSelector<M, P>,
    handler: EventHandler<EventOf<M, P>>,
  ): EventSubscription {
    return super.once(selector, handler);
  }

  override waitFor<P extends string>(selector: EventSelector<M, P>, options?: WaitOptions): Promise<EventOf<M, P>> {
    return super.waitFor(selector, options);
  }

  override events<P extends string>(
    selector: EventSelector<M, P>,
    options: StreamOptions = {},
  ): EventStream<EventOf<M, P>> {
    checkedCount('capacity', options.capacity ?? DEFAULT_CAPACITY);
    return super.events(selector, options);
  }

  // The history gives only events that the pattern matches, which is what the types of the three below say.
  query<P extends string = string>(query: EventQuery<P> = {}): readonly EventOf<M, P>[] {
    return this.#history().query(query) as readonly EventOf<M, P>[];
  }

  queryPage<P extends string = string>(query: EventQuery<P> = {}): EventPage<EventOf<M, P>> {
    return this.#history().queryPage(query) as EventPage<EventOf<M, P>>;
  }

  replay<P extends string = string>(query: EventQuery<P>, handler: EventHandler<EventOf<M, P>>): number {
    const events = this.query(query);
    // A subscriber that no route leads to.
    const subscriber = this.makeSubscriber({ pattern: query.pattern ?? '**' }, handler as EventHandler<NervEvent>);
    for (const event of events) this.run([subscriber], event);
    return events.length;
  }

  override close(): void {
    super.close();
    this.#systemRouter.close();
    this.#options.history?.clear();
  }

  protected override make(type: string, data: unknown, options?: EmitOptions): NervEvent {
    const event = super.make(type, data, options);
    return options === undefined ? event : makeIncomingEvent(event);
  }

  protected override accept(event: NervEvent): void {
    const entered = this.#enter(event, this.#publishStage);
    if (!isPromiseLike(entered)) return;
    entered.then(undefined, (error: unknown) => {
      const { id, type } = event;
      this.#tell({ error, event, pattern: '' }, this.#makeOwn('event.rejected', { type, reason: error }, id));
    });
  }

  protected override report(failure: HandlerErrorData): void {
    // An error in a handler of `handler.error` reaches the hook alone.
    if (failure.event.type === 'handler.error') super.report(failure);
    else this.#tell(failure, this.#makeOwn('handler.error', failure));
  }

  protected override makeSubscriber(
    options: SubscriberOptions & Partial<Pick<SubscribeOptions<M, string>, 'kind' | 'concurrency' | 'capacity'>>,
    handler: (event: NervEvent) => unknown,
  ): Subscriber {
    const { pattern, kind = isOwnType(pattern) ? 'system' : 'application', concurrency } = options;
    const handle = this.#options.middleware?.handle;
    const router = kind === 'system' ? this.#systemRouter : this.applicationRouter;
    const call = handle === undefined ? handler : (event: NervEvent) => handle(event, handler);
    if (concurrency === undefined) return new Subscriber(options, call, router);
    const lane = new DeliveryLane(call, {
      concurrency: checkedCount('concurrency', concurrency),
      capacity: checkedCount('capacity', options.capacity ?? DEFAULT_CAPACITY),
    });
    return new Subscriber({ ...options, onEnd: () => lane.clear() }, (event) => lane.run(event), router);
  }

  #makeToPublish(type: string, data: unknown, options: PublishOptions | undefined): NervEvent {
    if (options?.durability === 'durable') {
      throw new NervError(
        'event/no-log',
        `Event '${type}' was to be durable, but this bus has no log. Open a universe, or publish it as 'local'.`,
        { details: { type } },
      );
    }
    return this.make(type, data, options);
  }

  #makeOwn(type: string, data: unknown, id?: string): NervEvent {
    return { ...this.make(type, data, { id }), kind: 'system' };
  }

  /** Starts an event on its way; what it gives is a promise if the way is not over yet. */
  #enter(event: NervEvent, stage: EventStage | undefined, account?: DeliveryAccount): unknown {
    if (stage === undefined) return this.#deliver(event, account);
    this.assertOpen();
    return stage(event, (changed) => this.#deliver(changed, account));
  }

  /** Remembers an event and calls its handlers; nothing comes between the two. */
  #deliver(event: NervEvent, account: DeliveryAccount | undefined): void {
    const isSystem = event.kind === 'system';
    if (!isSystem) assertNotOwn(event.type);
    const route = this.route(event, isSystem ? this.#systemRouter : this.applicationRouter);
    this.#options.history?.keep(event);
    this.run(route, event, account);
  }

  /** Tells of an error: the hook, and the handlers of an event of the bus's own, or the console if there is neither. */
  #tell(failure: HandlerErrorData, own: NervEvent): void {
    const heard = this.#systemRouter.route(own.type).length > 0;
    if (this.#options.onError !== undefined || !heard) super.report(failure);
    if (!this.closed && this.depth < MAX_DEPTH) this.#deliver(own, undefined);
  }

  #history(): HistoryKeeper {
    this.assertOpen();
    const { history } = this.#options;
    if (history !== undefined) return history;
    throw new NervError(
      'event/no-history',
      'The bus keeps no history. Give it one: new EventBus({ history: new EventHistory(1000) }).',
    );
  }
}

function makeAccount(): DeliveryAccount {
  return { handled: 0, errors: [], unsettled: [] };
}

/** The account of an event, once its way is over and its handlers have settled. */
async function report(id: string, account: DeliveryAccount, entered: unknown): Promise<DeliveryReport> {
  await entered;
  await Promise.all(account.unsettled);
  return { id, handled: account.handled, errors: account.errors };
}
