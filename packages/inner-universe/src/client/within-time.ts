import type { Timers } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';

/** Gives work the time its caller gives, as a signal; where that is for ever, nothing is set up. */
export function withinTime<T>(
  name: string,
  options: CallOptions,
  timers: Timers | undefined,
  work: (call: Pick<CallOptions, 'signal'>) => Promise<T>,
): Promise<T> {
  if (options.timeoutMs === undefined) return work({ signal: options.signal });
  return runWithin(name, options, (signal) => work({ signal }), timers);
}
