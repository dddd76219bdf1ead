// A bus that belongs to a part of a program.
//
// - What is published on a child is delivered to its handlers, and to the parent's as far as `up` says.
// - What is delivered on the parent is delivered to the child's handlers as far as `down` says.
// - An event crosses each way at most once, so nobody gets it twice.
// - A child ends with its parent; what was subscribed on a child ends with it.

import type { DeliveryReport, EventSubscription } from './event-bus.ts';
import type { EventMap, NervEvent } from './event.ts';
import { LocalEventBus, type EventBusOptions } from './local-event-bus.ts';

/** What a child is given beside the options of a bus: which events cross. */
export interface ChildBusOptions extends EventBusOptions {
  /** The pattern of the events that go to the parent too; default: none do. */
  readonly up?: string | undefined;
  /** The pattern of the parent's events that come here; default `**`, which is all. */
  readonly down?: string | false | undefined;
}

/** What a child needs of its parent. */
export type ParentBus = Pick<LocalEventBus, 'subscribe' | 'deliver'>;

/** A bus of its own below another. `publishAndWait` waits for the parent's handlers as well, where the event goes up. */
export class ChildEventBus<M extends object = EventMap, I extends object = M> extends LocalEventBus<M, I> {
  readonly #fromParent: EventSubscription;
  /** The ids of the events that are on their way from one bus to the other. */
  readonly #crossing = new Set<string>();

  /** @throws NervError `event/invalid-pattern`, and `event/closed` if the parent is */
  constructor(parent: ParentBus, options: ChildBusOptions = {}) {
    super(options);
    const { up, down = '**' } = options;
    // A child without events from above still ends with its parent.
    const selector = {
      pattern: down === false ? '**' : down,
      filter: () => down !== false,
      onClose: () => this.close(),
    };
    this.#fromParent = parent.subscribe(selector, (event) => this.#cross(event, (crossing) => this.deliver(crossing)));
    if (up !== undefined) {
      this.subscribe<string>({ pattern: up, priority: Number.NEGATIVE_INFINITY }, (event) =>
        this.#cross(event, (crossing) => parent.deliver(crossing)),
      );
    }
  }

  override close(): void {
    super.close();
    this.#fromParent.unsubscribe();
  }

  #cross(event: NervEvent, deliver: (event: NervEvent) => Promise<DeliveryReport> | undefined): unknown {
    const { id } = event;
    if (this.#crossing.has(id)) return undefined;
    this.#crossing.add(id);
    const over = (): unknown => this.#crossing.delete(id);
    let report: Promise<DeliveryReport> | undefined;
    try {
      report = deliver(event);
    } finally {
      if (report === undefined) over();
    }
    return report?.finally(over);
  }
}
