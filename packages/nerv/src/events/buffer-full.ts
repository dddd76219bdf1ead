import { NervError } from '../errors.ts';
import type { NervEvent } from './event.ts';

/** An event found a buffer full. */
export function bufferFull({ id, type }: NervEvent, capacity: number): NervError {
  return new NervError('event/buffer-full', `No room for '${type}': ${capacity} events wait.`, {
    details: { id, type, capacity },
  });
}
