import type { CoreSubscribeOptions, EventSubscription } from './event-bus.ts';
import type { EventMap, NervEvent } from './event.ts';
import { compilePattern, type EventPattern } from './pattern.ts';
import type { Router } from './router.ts';

/** What a subscription was asked to be; its types were checked then. */
export interface SubscriberOptions extends Omit<CoreSubscribeOptions<EventMap, string>, 'filter'> {
  readonly filter?: ((event: NervEvent) => boolean) | undefined;
  /** Called once when the subscription ends, for whatever reason. */
  readonly onEnd?: (() => void) | undefined;
}

/** One subscription as the bus sees it, and the object that the user unsubscribes with. */
export class Subscriber implements EventSubscription {
  active = true;
  readonly options: SubscriberOptions;
  readonly pattern: EventPattern;
  readonly priority: number;
  readonly handler: (event: NervEvent) => unknown;
  readonly router: Router;

  constructor(options: SubscriberOptions, handler: (event: NervEvent) => unknown, router: Router) {
    this.options = options;
    this.pattern = compilePattern(options.pattern);
    this.priority = options.priority ?? 0;
    this.handler = handler;
    this.router = router;
  }

  unsubscribe(): void {
    if (!this.active) return;
    this.active = false;
    this.router.remove(this);
    this.options.onEnd?.();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }
}
