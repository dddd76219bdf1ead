import type { Timers } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';
import type { QueuedWrite } from './queued-write.ts';
import type { QueueKeeping } from './request-queue-keeping.ts';
import { makeAway, makeTimeout, makeUnknown } from './write-errors.ts';

interface CallOffParts {
  readonly timers: Timers;
  /** Ends the write if nothing of it was sent. False when something was. */
  readonly takeOut: (error: unknown) => boolean;
  readonly keeping: QueueKeeping | undefined;
}

/** Ends waiting for a write by its signal or deadline. What was sent goes on; its caller is told that it may be applied. */
export function letCallOff(write: QueuedWrite, { signal, timeoutMs }: CallOptions, parts: CallOffParts): void {
  const { timers, takeOut, keeping } = parts;
  const ends: (() => void)[] = [];
  if (signal !== undefined) {
    const onAbort = (): void => {
      if (!takeOut(signal.reason)) write.settle({ error: makeUnknown(signal.reason) });
    };
    signal.addEventListener('abort', onAbort, { once: true });
    ends.push(() => signal.removeEventListener('abort', onAbort));
  }
  if (timeoutMs !== undefined) {
    const onTimeout = (): void => {
      if (!takeOut(makeTimeout(timeoutMs, 'not-sent'))) write.settle({ error: makeTimeout(timeoutMs, 'unknown') });
    };
    ends.push(timers.schedule(onTimeout, timeoutMs));
  }
  if (keeping !== undefined && write.isEphemeral) {
    const { ephemeralForMs } = keeping.options;
    const onAway = (): void => void (keeping.isAway && takeOut(makeAway(ephemeralForMs)));
    ends.push(timers.schedule(onAway, ephemeralForMs));
  }
  if (ends.length === 0) return;
  write.stopWaiting = () => {
    for (const end of ends) end();
  };
}
