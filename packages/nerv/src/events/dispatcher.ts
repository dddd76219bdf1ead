// Hands events to handlers.
//
// - A subscriber gets an event at most once, and exactly once if it was there when the event's delivery began, takes
//   it, and is still there when its turn comes.
// - What a handler throws reaches the error hook and `handler.error`, never the publisher or another handler.
//   An error in a handler of `handler.error` reaches the hook alone.
// - Deliveries nest at most MAX_DEPTH deep.

import { NervError } from '../errors.ts';
import { systemReport } from '../ids/system.ts';
import type { DeliveryTally } from './delivery-tally.ts';
import type { EventKind, HandlerErrorData, NervEvent } from './event.ts';
import { isPromiseLike } from './promise-like.ts';
import { Router } from './router.ts';
import { Subscriber, type SubscriberOptions } from './subscriber.ts';

/** How many deliveries may be under way inside each other, handlers emitting what handlers handle. */
export const MAX_DEPTH = 256;

/** What the dispatcher does with a handler's error, beside letting nobody else suffer from it. */
export interface ErrorOutlet {
  readonly hook: ((failure: HandlerErrorData) => void) | undefined;
  readonly makeEvent: (failure: HandlerErrorData) => NervEvent;
}

/** The subscribers of both kinds of events, and the way events take to them. */
export class Dispatcher {
  readonly #routers: Readonly<Record<EventKind, Router>> = { application: new Router(), system: new Router() };
  readonly #outlet: ErrorOutlet;
  #subscriptions = 0;
  #depth = 0;

  constructor(outlet: ErrorOutlet) {
    this.#outlet = outlet;
  }

  add(kind: EventKind, options: Omit<SubscriberOptions, 'order' | 'remove'>): Subscriber {
    const router = this.#routers[kind];
    this.#subscriptions += 1;
    const order = this.#subscriptions;
    const subscriber = new Subscriber({ ...options, order, remove: (self) => router.remove(self) });
    router.add(subscriber);
    return subscriber;
  }

  /**
   * The subscribers that an event goes to, to be run at once.
   * @throws NervError `event/invalid` for a wrong type, `event/limit` when deliveries nest too deep
   */
  route(event: NervEvent): readonly Subscriber[] {
    if (this.#depth >= MAX_DEPTH) throw tooDeep(event);
    return this.#routers[event.kind].route(event.type);
  }

  /** Calls the handlers of an event's route, and accounts to the tally if there is one. Never throws. */
  run(route: readonly Subscriber[], event: NervEvent, tally: DeliveryTally | undefined): void {
    if (route.length === 0) return;
    this.#depth += 1;
    for (const subscriber of route) {
      if (!subscriber.active) continue;
      try {
        if (!subscriber.plain && !subscriber.takes(event)) continue;
        tally?.took();
        const result = subscriber.plain ? subscriber.handler(event) : subscriber.call(event, tally !== undefined);
        if (isPromiseLike(result)) this.#watch(result, { event, subscriber, tally });
      } catch (error) {
        this.#failed(error, { event, subscriber, tally });
      }
    }
    this.#depth -= 1;
  }

  /** Calls one handler with an event outside of any subscription. */
  callOne(handler: (event: NervEvent) => unknown, event: NervEvent, pattern: string): void {
    try {
      const result = handler(event);
      if (isPromiseLike(result)) {
        Promise.resolve(result).catch((error: unknown) => this.report({ error, event, pattern }));
      }
    } catch (error) {
      this.report({ error, event, pattern });
    }
  }

  /** Tells of a handler's error. */
  report(failure: HandlerErrorData): void {
    const { hook, makeEvent } = this.#outlet;
    const { event } = failure;
    const isLoop = event.kind === 'system' && event.type === 'handler.error';
    const heard = this.#routers.system.route('handler.error').length > 0;
    if (hook !== undefined) callHook(hook, failure);
    else if (!heard || isLoop) systemReport(`A handler of '${event.type}' (event ${event.id}) failed:`, failure.error);
    if (isLoop || this.#depth >= MAX_DEPTH) return;
    const own = makeEvent(failure);
    this.run(this.route(own), own, undefined);
  }

  close(): void {
    for (const router of Object.values(this.#routers)) {
      for (const subscriber of router.all()) subscriber.close();
    }
  }

  #watch(result: PromiseLike<unknown>, call: HandlerCall): void {
    const settled = Promise.resolve(result).then(
      () => undefined,
      (error: unknown) => this.#failed(error, call),
    );
    call.tally?.await(settled);
  }

  #failed(error: unknown, { event, subscriber, tally }: HandlerCall): void {
    tally?.errors.push(error);
    this.report({ error, event, pattern: subscriber.pattern.source });
  }
}

interface HandlerCall {
  readonly event: NervEvent;
  readonly subscriber: Subscriber;
  readonly tally: DeliveryTally | undefined;
}

// A hook that throws must not stop the delivery; its error is shown beside the one it was told of.
function callHook(hook: (failure: HandlerErrorData) => void, failure: HandlerErrorData): void {
  try {
    hook(failure);
  } catch (error) {
    systemReport('The error hook of an event bus failed:', error);
  }
}

function tooDeep(event: NervEvent): NervError {
  return new NervError(
    'event/limit',
    `Event '${event.type}' was emitted inside ${MAX_DEPTH} handlers of one another. ` +
      `Some handler emits, directly or through others, what it handles; break that circle.`,
    { details: { type: event.type, depth: MAX_DEPTH } },
  );
}
