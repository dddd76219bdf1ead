/*
 * Between a bus of NERV and the bus over the log. Invariants:
 * - an event crosses each way at most once: what came from the other side does not go back there;
 * - what is on its way is remembered by its id, at most `IDS_MAX` each way, the oldest are forgotten first.
 */
import type { EventMap, EventSubscription, NervEvent } from '@inner-universe/nerv';
import type { LocalEventBus } from '@inner-universe/nerv/events';

/** How many ids are remembered until their events come back; more are on their way only if none come back. */
const IDS_MAX = 10_000;

/** The two sides. */
export interface BridgeParts {
  readonly bus: LocalEventBus<EventMap>;
  /** The local side of the bus over the log: what the log gives, and what is local there. */
  readonly subscribe: (pattern: string, handler: (event: NervEvent) => unknown) => EventSubscription;
  readonly publish: (event: NervEvent) => Promise<unknown>;
}

/** Joins the two for events that the pattern matches. The result ends it. */
export function bridgeBuses({ bus, subscribe, publish }: BridgeParts, pattern: string): () => void {
  const sent = new Set<string>();
  const received = new Set<string>();
  const outward = bus.subscribe<string>(pattern, (event) => {
    if (event.seq !== undefined || received.delete(event.id)) return undefined;
    remember(sent, event.id);
    return publish(event).catch((error: unknown) => {
      sent.delete(event.id);
      throw error;
    });
  });
  const inward = subscribe(pattern, (event) => {
    if (sent.delete(event.id)) return undefined;
    if (event.seq === undefined) remember(received, event.id);
    return bus.deliver(event);
  });
  return () => {
    outward.unsubscribe();
    inward.unsubscribe();
  };
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size <= IDS_MAX) return;
  for (const oldest of ids) {
    ids.delete(oldest);
    return;
  }
}
