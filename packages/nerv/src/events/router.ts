// Which subscribers an event type goes to, in the order they are called.
//
// - A route is an array that is never changed: whoever walks one is safe from subscriptions made meanwhile.
// - A cached route holds exactly the subscribers whose pattern matches its type; a change of those forgets it.
// - At most MAX_CACHED_ROUTES types are cached.

import { assertEventType } from './pattern.ts';
import { PatternTrie } from './pattern-trie.ts';
import { compareSubscribers, type Subscriber } from './subscriber.ts';

/** How many event types keep their route. */
export const MAX_CACHED_ROUTES = 4096;

/** The subscribers of one kind of events. */
export class Router {
  readonly #exact = new Map<string, Set<Subscriber>>();
  readonly #wildcard = new PatternTrie<Subscriber>();
  readonly #all = new Set<Subscriber>();
  readonly #routes = new Map<string, readonly Subscriber[]>();

  add(subscriber: Subscriber): void {
    const { exact, segments } = subscriber.pattern;
    this.#all.add(subscriber);
    if (exact === undefined) {
      this.#wildcard.add(segments, subscriber);
      this.#routes.clear();
      return;
    }
    const sameType = this.#exact.get(exact);
    if (sameType === undefined) this.#exact.set(exact, new Set([subscriber]));
    else sameType.add(subscriber);
    this.#routes.delete(exact);
  }

  remove(subscriber: Subscriber): void {
    if (!this.#all.delete(subscriber)) return;
    const { exact, segments } = subscriber.pattern;
    if (exact === undefined) {
      this.#wildcard.remove(segments, subscriber);
      this.#routes.clear();
      return;
    }
    const sameType = this.#exact.get(exact);
    sameType?.delete(subscriber);
    if (sameType?.size === 0) this.#exact.delete(exact);
    this.#routes.delete(exact);
  }

  /**
   * The subscribers of a type.
   * @throws NervError `event/invalid` if the type is not a valid one
   */
  route(type: string): readonly Subscriber[] {
    return this.#routes.get(type) ?? this.#makeRoute(type);
  }

  /** All subscribers, in no promised order. */
  all(): readonly Subscriber[] {
    return [...this.#all];
  }

  #makeRoute(type: string): readonly Subscriber[] {
    assertEventType(type);
    const route = [...(this.#exact.get(type) ?? []), ...this.#wildcard.find(type)].sort(compareSubscribers);
    if (this.#routes.size >= MAX_CACHED_ROUTES) this.#routes.clear();
    this.#routes.set(type, route);
    return route;
  }
}
