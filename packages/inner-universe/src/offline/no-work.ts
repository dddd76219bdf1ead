import { NervPersistenceError } from '../errors.ts';
import type { Work, WorkSummary } from './work.ts';
import type { WorkRunner } from './work-runner.ts';

const NOTHING: WorkSummary = Object.freeze({ pending: 0, blocked: 0, rejected: 0, bytes: 0 });

/** What is visible where there is no outbox: nothing, ever. */
export function makeNoWork(secured: () => Promise<void>, run: WorkRunner): Work {
  const refuse = (id: string): Promise<never> => Promise.reject(makeNotRejected(id));
  return {
    summary: {
      getSnapshot: () => NOTHING,
      subscribe: () => () => undefined,
      async *changes(signal?: AbortSignal) {
        yield NOTHING;
        if (signal?.aborted === true) return;
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
      },
    },
    list: () => [],
    unconfirmed: () => [],
    onOutcome: () => () => undefined,
    retry: (id, call) => run('retry', call, () => refuse(id)),
    discard: (id, call) => run('discard', call, () => refuse(id)),
    explain: (id, _error, call) => run('explain', call, () => refuse(id)),
    stopsAtRejected: false,
    secured: (call) => run('secured', call, secured),
  };
}

/** The error of who asks for a write by an id that no set-aside write has. */
export function makeNotRejected(id: string): NervPersistenceError {
  return new NervPersistenceError(
    'outbox/not-rejected',
    `No write '${id}' is set aside here: it was answered or discarded, or its answer is still to come. Look at work.list().`,
    { details: { id } },
  );
}
