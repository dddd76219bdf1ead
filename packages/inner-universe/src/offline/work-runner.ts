import type { Timers } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner } from '../connection/run-within.ts';
import { CALL_OPTION_FORMS, checkOptions } from '../controller/check-options.ts';

/** Makes a call of `work` that can be called off. It rejects with `config/invalid` for options that are none. */
export type WorkRunner = (name: string, call: CallOptions | undefined, work: () => Promise<void>) => Promise<void>;

/** The runner of a client's `work`. */
export function makeWorkRunner(timers: Timers): WorkRunner {
  const run = makeCallRunner('work', timers);
  return async (name, call, work) => {
    checkOptions(`work.${name}`, call, CALL_OPTION_FORMS);
    await run(name, call, work);
  };
}
