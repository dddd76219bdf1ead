import type { RowChange } from '../connection/connection.ts';
import type { ModuleClient } from '../client/client.ts';

/** What tells a worker to look again. */
export interface RowSignals {
  /** A partition became free. */
  readonly onFree: () => void;
  /** A worker came or went. */
  readonly onWorkers: () => void;
  /** A parked event is to be handled again. */
  readonly onLetters: () => void;
}

/**
 * Signals for whoever may subscribe to tables, so that nothing waits for the next round; all others look in their
 * rounds. Only rows that say something are subscribed to: an advance sends none. The result ends it.
 */
export function watchRows(client: ModuleClient, name: string, signals: RowSignals): Promise<() => void> {
  const quoted = `'${name.replaceAll("'", "''")}'`;
  const tell: Readonly<Record<string, () => void>> = {
    consumerPartition: signals.onFree,
    consumerWorker: signals.onWorkers,
    consumerDeadLetter: signals.onLetters,
  };
  return client.followRows({
    queries: () => [
      `SELECT * FROM consumer_partition WHERE name = ${quoted} AND holder = ''`,
      `SELECT * FROM consumer_worker WHERE name = ${quoted}`,
      `SELECT * FROM consumer_dead_letter WHERE name = ${quoted} AND attempts = 0`,
    ],
    tables: Object.keys(tell),
    onChange: ({ type, table, row }: RowChange) => {
      // A worker that stays says so again and again. Other consumers' rows come here as well.
      if (row['name'] !== name || type === 'updated' || (type === 'deleted' && table !== 'consumerWorker')) return;
      tell[table]?.();
    },
  });
}
