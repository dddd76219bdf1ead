import { NervError } from '../errors.ts';
import type { NervEvent } from '../events/event.ts';

/** How many events may wait in a projection. */
export const MAX_WAITING_EVENTS = 100_000;

/** The error of a projection that cannot take an event. */
export function failedAt(name: string, event: NervEvent, cause: unknown): NervError {
  const { id, type, seq } = event;
  const place = seq === undefined ? id : `${id}, seq ${seq}`;
  return new NervError(
    'projection/failed',
    `Projection '${name}' stopped at event '${type}' (${place}): its reducer failed. Mend it and rebuild.`,
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
  return new NervError(code, `Projection '${name}' ${what}.`, {
    details: { projection: name },
    cause,
  });
}
