import type { NervEvent } from '../events/event.ts';
import { foldEvents, type EventSequence, type FoldOptions } from './fold-events.ts';

/** What can be made anew from events. */
export interface Rebuildable {
  /** Begins a rebuilding; exactly one of its `finish` and `abandon` is called. @throws NervError `projection/invalid` */
  beginRebuild(): Rebuilding;
}

/** A rebuilding under way. */
export interface Rebuilding {
  /** @throws NervError `projection/failed` */
  take(event: NervEvent): void;
  /** Takes over what was made. @throws NervError `projection/failed`, `projection/limit` of what waited meanwhile */
  finish(): void;
  /** Leaves everything as it was. */
  abandon(): void;
}

/**
 * Rebuilds several projections in one pass over the events. One whose reducer throws stays as it was and holds up no
 * other; when the others are done, the first such error is thrown.
 * @throws NervError `projection/failed`, `projection/limit`, `projection/invalid` if one is being rebuilt already, or
 * the signal's reason
 */
export async function rebuildAll(
  projections: readonly Rebuildable[],
  events: EventSequence,
  options: FoldOptions = {},
): Promise<void> {
  const running: Rebuilding[] = [];
  const failures: unknown[] = [];
  try {
    for (const projection of projections) running.push(projection.beginRebuild());
    await foldEvents(events, options, (event) => {
      for (const rebuilding of [...running]) {
        try {
          rebuilding.take(event);
        } catch (error) {
          failures.push(error);
          end(rebuilding);
        }
      }
      return running.length > 0;
    });
    for (const rebuilding of running.splice(0)) {
      try {
        rebuilding.finish();
      } catch (error) {
        failures.push(error);
      }
    }
  } finally {
    for (const rebuilding of [...running]) end(rebuilding);
  }
  if (failures.length > 0) throw failures[0];

  function end(rebuilding: Rebuilding): void {
    running.splice(running.indexOf(rebuilding), 1);
    rebuilding.abandon();
  }
}
