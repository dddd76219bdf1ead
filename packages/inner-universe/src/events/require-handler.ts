import { NervError } from '@inner-universe/nerv';

/** Refuses what is no function where a handler is wanted, before anything is delivered. @throws {NervError} `event/invalid` */
export function requireHandler(handler: unknown): void {
  if (typeof handler === 'function') return;
  const given = handler === null ? 'null' : typeof handler;
  throw new NervError('event/invalid', `The handler is ${given}; give a function that takes the event.`, {
    details: { handler: given },
  });
}
