// Middleware, put together.
//
// - Each stage may pass an event on once, changed or not, and its id, kind, place in the log and pending state stay.
// - Whoever waits for an event waits for its stages and its handlers, whatever a stage returns.
// - Where a stage is asynchronous, events leave in the order in which they came; at most `capacity` are under way.

import { NervError } from '../errors.ts';
import { bufferFull } from './buffer-full.ts';
import type { BusMiddleware, EventStage, NextStage } from './bus-parts.ts';
import type { NervEvent } from './event.ts';
import { checkedCount, invalidEvent } from './incoming-event.ts';
import { assertEventType } from './pattern.ts';
import { isPromiseLike } from './promise-like.ts';

/** How many events may be on their way through asynchronous middleware at once; default 1,024. */
export interface MiddlewareStackOptions {
  readonly capacity?: number | undefined;
}

/**
 * Middleware for `new EventBus({ middleware })`: the first of the list is the outermost. An event that a stage keeps
 * holds back those behind it, so no stage before delivery may wait for an event published after its own.
 */
export class MiddlewareStack implements BusMiddleware {
  readonly publish: EventStage | undefined;
  readonly receive: EventStage | undefined;
  readonly handle: EventStage | undefined;
  readonly #capacity: number;
  #underWay = 0;
  /** Settles when the last event that is under way has left. */
  #last: Promise<void> | undefined;

  /** @throws NervError `event/invalid` unless the capacity is a whole number from 1 */
  constructor(parts: readonly BusMiddleware[], options: MiddlewareStackOptions = {}) {
    this.#capacity = checkedCount('capacity', options.capacity ?? 1024);
    this.publish = this.#inOrder(chain(parts.map((part) => part.publish)));
    this.receive = this.#inOrder(chain(parts.map((part) => part.receive)));
    this.handle = chain(parts.map((part) => part.handle));
  }

  #inOrder(stages: EventStage | undefined): EventStage | undefined {
    if (stages === undefined) return undefined;
    return (event, next) => {
      assertEventType(event.type);
      if (this.#underWay >= this.#capacity) throw bufferFull(event, this.#capacity);
      const before = this.#last;
      const turn = new Turn();
      const leave: NextStage = (changed) => {
        this.#leave(turn);
        return next(changed);
      };
      const result = stages(event, (changed) =>
        before === undefined ? leave(changed) : before.then(() => leave(changed)),
      );
      if (!isPromiseLike(result) || turn.isOver) return result;
      this.#underWay += 1;
      this.#last = turn.begin();
      return result.then(
        (value) => {
          this.#leave(turn);
          return value;
        },
        (error: unknown) => {
          this.#leave(turn);
          throw error;
        },
      );
    };
  }

  #leave(turn: Turn): void {
    if (turn.isOver) return;
    if (turn.over !== undefined) this.#underWay -= 1;
    if (this.#last === turn.over) this.#last = undefined;
    turn.end();
  }
}

/** One event's place among those under way. */
class Turn {
  isOver = false;
  /** Resolves when the event has left; there only if it could not leave at once. */
  over: Promise<void> | undefined;
  #resolve: (() => void) | undefined;

  begin(): Promise<void> {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.over;
  }

  end(): void {
    this.isOver = true;
    this.#resolve?.();
  }
}

/** One stage of many; undefined if there are none. */
function chain(stages: readonly (EventStage | undefined)[]): EventStage | undefined {
  return stages.reduceRight<EventStage | undefined>((inner, outer) => {
    if (outer === undefined) return inner;
    if (inner === undefined) return guard(outer);
    const guarded = guard(outer);
    return (event, next) => guarded(event, (changed) => inner(changed, next));
  }, undefined);
}

/** Makes sure that a stage passes an event on once, as what it is, and that its result is waited for. */
function guard(stage: EventStage): EventStage {
  return (event, next) => {
    let passed = false;
    let result: unknown;
    const pass: NextStage = (changed) => {
      if (passed)
        throw invalidEvent(`Middleware passed event ${event.id} on twice. Call next once.`, {
          id: event.id,
        });
      passed = true;
      assertSame(event, changed);
      result = next(changed);
      return result;
    };
    try {
      const returned = stage(event, pass);
      // What was passed on is waited for, also if the stage forgot it.
      if (!isPromiseLike(returned)) return result;
      return returned.then(
        () => result,
        (error: unknown) => failAfter(error, result),
      );
    } catch (error) {
      return failAfter(error, result);
    }
  };
}

/** What to give when a stage threw: nothing that it passed on may go on unwatched. */
function failAfter(error: unknown, passedOn: unknown): unknown {
  if (isPromiseLike(passedOn)) return Promise.all([passedOn, Promise.reject(error)]);
  throw error;
}

function assertSame(event: NervEvent, changed: NervEvent): void {
  const { id } = event;
  if (
    changed.id === id &&
    changed.kind === event.kind &&
    changed.seq === event.seq &&
    changed.pending === event.pending
  ) {
    return;
  }
  throw new NervError('event/invalid', `Middleware changed what event ${id} is: only its contents may change.`, {
    details: { id },
  });
}
