import type { NervEvent } from '../events/event.ts';
import type { ProjectionPosition } from './position.ts';

/** How far back: up to the last event of at most that `seq`, before the first later than a time, or where a tag was set. */
export type Until = { readonly seq: number } | { readonly time: Date | number } | { readonly tag: string };

/** Where a fold ends. */
export interface FoldEnd {
  /** Whether a fold may go on from here. */
  covers(position: ProjectionPosition): boolean;
  /** Whether no event behind this is asked for, as far as is known. */
  isReached(position: ProjectionPosition): boolean;
  /** Whether the fold ends before this event. */
  isBefore(event: NervEvent): boolean;
}

/** The end that is asked for by `seq`. */
export function endAtSeq(seq: number): FoldEnd {
  return {
    covers: (position) => position.events === 0 || (position.seq !== undefined && position.seq <= seq),
    isReached: (position) => position.seq !== undefined && position.seq >= seq,
    isBefore: (event) => event.seq !== undefined && event.seq > seq,
  };
}

/** The end that is asked for by time, in milliseconds since 1970: before the first event that is later. */
export function endAtTime(timeMs: number): FoldEnd {
  return {
    covers: (position) => position.timeMs === undefined || position.timeMs <= timeMs,
    isReached: () => false,
    isBefore: (event) => event.timestamp > timeMs,
  };
}

/** The end at a position that was reached before; by `seq` where it has one, else by the event. */
export function endAtPosition(end: ProjectionPosition): FoldEnd {
  if (end.seq !== undefined) return endAtSeq(end.seq);
  return {
    covers: (position) => position.events <= end.events,
    isReached: (position) => position.eventId === end.eventId,
    isBefore: () => false,
  };
}
