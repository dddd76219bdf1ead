// Which subscribers an event type goes to, in the order they are called: higher priority first, then older first.
//
// - A route is an array that is never changed: whoever walks one is safe from subscriptions made meanwhile.
// - A cached route holds exactly the subscribers whose pattern matches its type; a change of those forgets it.
// - At most MAX_CACHED_ROUTES types are cached.

import { assertEventType } from './pattern.ts';
import type { Subscriber } from './subscriber.ts';

/** How many event types keep their route. */
export const MAX_CACHED_ROUTES = 4096;

/** The subscribers of one kind of events. A new route costs by their number, a known one nothing. */
export class Router {
  /** Oldest first. */
  readonly #subscribers = new Set<Subscriber>();
  readonly #routes = new Map<string, readonly Subscriber[]>();

  add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    this.#forget(subscriber);
  }

  remove(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    this.#forget(subscriber);
  }

  /**
   * The subscribers of a type.
   * @throws NervError `event/invalid` if the type is not a valid one
   */
  route(type: string): readonly Subscriber[] {
    return this.#routes.get(type) ?? this.#makeRoute(type);
  }

  /** Ends all subscriptions. */
  close(): void {
    for (const subscriber of this.#subscribers) {
      subscriber.unsubscribe();
      subscriber.options.onClose?.();
    }
  }

  #makeRoute(type: string): readonly Subscriber[] {
    assertEventType(type);
    const route = [...this.#subscribers]
      .filter(({ pattern }) => pattern.matches(type))
      .sort((left, right) => right.priority - left.priority);
    if (this.#routes.size >= MAX_CACHED_ROUTES) this.#routes.clear();
    this.#routes.set(type, route);
    return route;
  }

  #forget({ pattern: { exact } }: Subscriber): void {
    if (exact === undefined) this.#routes.clear();
    else this.#routes.delete(exact);
  }
}
