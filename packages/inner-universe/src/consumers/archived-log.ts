import type { EventLogRow } from '@inner-universe/module/wire';

/** Where events lie that were trimmed from the log: what a consumer needs of an archive. */
export interface ArchivedLog {
  /**
   * Every row of the log after this `seq`, records of the module included, in order, as far as they are archived. The
   * reader may stop early, and begins again where it stopped.
   */
  rows(afterSeq: bigint): AsyncIterable<EventLogRow>;
}
