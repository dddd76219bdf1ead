/**
 * Events on their way into one projection.
 *
 * Invariants:
 * - Events are handed to the step one at a time, in the order they came, each once (by `seq`, where it has one).
 * - While a step runs, and after one failed, events wait: at most `MAX_WAITING_EVENTS`. One more is refused; from then on
 *   there is a gap, and the line takes nothing until it is begun anew.
 * - A step that fails stops the line before its event: the place does not move, and nothing behind it is handed over.
 */
import { NervError } from '../errors.ts';
import type { NervEvent } from '../events/event.ts';
import { Fifo } from '../events/fifo.ts';
import { Place, type ProjectionPosition } from './position.ts';

/** How many events may wait in a projection. */
export const MAX_WAITING_EVENTS = 100_000;

/** How to go on after a failure. */
export interface ResumeOptions {
  /** The id of the event that failed, to leave it out for good. Default: it is tried again. */
  readonly skip?: string | undefined;
}

/** Why a line stopped. */
export interface Failure {
  readonly error: NervError;
  /** The event that failed; undefined if events were lost. */
  readonly event: NervEvent | undefined;
}

/** What is done with each event. */
export interface LineSteps {
  /** Takes the event in, or throws; may give a promise where that is not done yet, if the line waits for such. */
  readonly step: (event: NervEvent) => unknown;
  /** Called when the place has moved behind an event, before the next is taken. May not throw. */
  readonly done?: (() => void) | undefined;
}

/** One line of events, on its way from a place; each step is done when it returns. */
export class CoreEventLine {
  protected readonly name: string;
  protected readonly steps: LineSteps;
  protected readonly queue: Fifo<NervEvent> = new Fifo();
  protected stop: Failure | undefined;
  protected isBusy = false;
  #place: Place;

  constructor(name: string, steps: LineSteps, position?: ProjectionPosition) {
    this.name = name;
    this.steps = steps;
    this.#place = new Place(position);
  }

  get place(): Place {
    return this.#place;
  }

  get failure(): NervError | undefined {
    return this.stop?.error;
  }

  get waiting(): number {
    return this.queue.size;
  }

  /**
   * Takes one event; false if it was taken before.
   * @throws NervError `projection/failed` if a step fails, now; `projection/limit` if too many events wait
   */
  take(event: NervEvent): boolean {
    if (this.#place.isPast(event)) return false;
    if (this.isBlocked) {
      this.wait(event);
      return true;
    }
    this.run(event);
    this.drain();
    this.throwFailure();
    return true;
  }

  /** Goes on from another place, without a failure; `moved` is called before what waited is taken. */
  restart(position: ProjectionPosition, moved: () => void): void {
    this.#place = new Place(position);
    this.stop = undefined;
    const wasBusy = this.isBusy;
    this.isBusy = true;
    moved();
    this.isBusy = wasBusy;
    this.drain();
  }

  /**
   * Hands the event that failed over again, or leaves it out, and then what waited.
   * @throws as `take`, and `projection/invalid` if `skip` is another event's id
   */
  resume({ skip }: ResumeOptions = {}): void {
    const failure = this.stop;
    if (failure === undefined) return;
    const { event } = failure;
    if (event === undefined) throw failure.error;
    if (skip !== undefined && skip !== event.id) {
      throw projectionError('projection/invalid', this.name, `stopped at event ${event.id}, not at ${skip}`);
    }
    this.stop = undefined;
    if (skip === undefined) this.run(event);
    else this.advance(event);
    this.drain();
    this.throwFailure();
  }

  /** Whether an event has to wait. */
  protected get isBlocked(): boolean {
    return this.isBusy || this.stop !== undefined;
  }

  protected wait(event: NervEvent): void {
    if (this.queue.size >= MAX_WAITING_EVENTS) this.lose();
    if (this.hasGap) this.throwFailure();
    this.queue.push(event);
  }

  /** Whether events were lost. */
  protected get hasGap(): boolean {
    return this.stop !== undefined && this.stop.event === undefined;
  }

  /** Forgets what waits. */
  protected lose(): void {
    this.queue.drain();
    this.stop = { error: this.lost(), event: undefined };
  }

  protected lost(): NervError {
    const what = `had ${MAX_WAITING_EVENTS} events waiting and lost them; rebuild it, or follow its source again`;
    return projectionError('projection/limit', this.name, what);
  }

  protected run(event: NervEvent): void {
    this.isBusy = true;
    try {
      this.steps.step(event);
      this.advance(event);
    } catch (cause) {
      this.fail(event, cause);
    }
    this.isBusy = false;
  }

  protected advance(event: NervEvent): void {
    this.#place.advance(event);
    this.steps.done?.();
  }

  protected drain(): void {
    while (!this.isBlocked) {
      const event = this.queue.shift();
      if (event === undefined) return;
      if (!this.#place.isPast(event)) this.run(event);
    }
  }

  protected fail(event: NervEvent, cause: unknown): void {
    this.stop = { error: failedAt(this.name, event, cause), event };
  }

  protected throwFailure(): void {
    if (this.stop !== undefined) throw this.stop.error;
  }
}

/** The error of a projection that cannot take an event. */
export function failedAt(name: string, event: NervEvent, cause: unknown): NervError {
  const { id, type, seq } = event;
  const place = seq === undefined ? id : `${id}, seq ${seq}`;
  return new NervError(
    'projection/failed',
    `Projection '${name}' stopped at event '${type}' (${place}): its reducer failed. Mend it and rebuild, or resume.`,
    { details: { projection: name, id, type, seq }, cause },
  );
}

/** An error about the use of a projection. */
export function projectionError(
  code: 'projection/invalid' | 'projection/limit' | 'projection/gap',
  name: string,
  what: string,
  cause?: unknown,
): NervError {
  return new NervError(code, `Projection '${name}' ${what}.`, { details: { projection: name }, cause });
}
