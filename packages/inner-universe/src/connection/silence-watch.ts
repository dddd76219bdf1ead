/*
 * Notices a dead peer on a connection over which nobody calls. Invariants:
 * - a connection on which nothing was heard for `silenceMs` is abandoned, a quarter of that later at most;
 * - nothing is asked where something was heard lately, and one question at most is on its way;
 * - silence is summed up from ticks, so that a process that stood still itself does not blame its peer for it.
 */
import type { Timers } from '@inner-universe/nerv';
import { ConnectionError } from '../errors.ts';
import type { Connection } from './connection.ts';

/** What silence is measured by. */
export interface SilenceWatchOptions {
  /** How long an open connection may be silent although something was asked, in milliseconds. */
  readonly silenceMs: number;
  readonly timers: Timers;
}

/** Ticks in `silenceMs`. */
const TICKS = 4;
/** No request has this id: answering costs the server one look. */
const QUESTION = { requestId: '' };

/** Watches a connection until it ends. Does nothing on one that does not tell what it hears. */
export function watchSilence(connection: Connection, { silenceMs, timers }: SilenceWatchOptions): void {
  let heard = connection.heard;
  if (heard === undefined) return;
  let silentTicks = 0;
  let isAsking = false;
  const ask = (): void => {
    isAsking = true;
    const answered = (): void => void (isAsking = false);
    // A refusal is an answer, too; and how the connection ends is told elsewhere.
    connection.callProcedure('readRequest', QUESTION).then(answered, answered);
  };
  const tick = (): void => {
    silentTicks = connection.heard === heard ? silentTicks + 1 : 0;
    heard = connection.heard;
    if (silentTicks >= TICKS) {
      connection.abandon(makeSilent(silenceMs));
      return;
    }
    if (silentTicks > 0 && !isAsking) ask();
    cancel = timers.schedule(tick, silenceMs / TICKS);
  };
  let cancel = timers.schedule(tick, silenceMs / TICKS);
  void connection.ended.then(() => cancel());
}

function makeSilent(silenceMs: number): ConnectionError {
  return new ConnectionError(
    'connection/timeout',
    `Nothing was heard from the server for ${silenceMs} ms, although it was asked: the connection is taken to be dead. Connect again.`,
    { details: { silenceMs }, retryable: true },
  );
}
