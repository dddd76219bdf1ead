import type { Clock, Logger, Timers } from '../clock/clock.ts';
import type { ProgramLoader } from '../module/realm-port.ts';
import type { OutboundHttp } from '../outbound-http/outbound-http.ts';
import type { Storage } from '../storage/storage.ts';
import type { DatabaseMetrics } from '../metrics/database-metrics.ts';
import type { SnapshotPolicy } from './journal.ts';

/** What a database needs to open. The database owns `storage` from then on and closes it, also when opening fails. */
export interface DatabaseOptions {
  /** Name for logs. */
  readonly name: string;
  /** Text of the module's bundle. Absent: the stored one; required when nothing is stored yet. */
  readonly program?: string | undefined;
  readonly storage: Storage;
  /** Whose the database is when it is made: its own identity, and its owner, as whom `init` runs. Stored ones stay. */
  readonly identity: bigint;
  readonly owner: bigint;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Loads program text into running modules. */
  readonly programs: ProgramLoader;
  /** Keeps clients from choosing rows whose hashes collide: any number they cannot guess. Default 0. */
  readonly hashSeed?: number | undefined;
  /** True refuses SQL that SpacetimeDB refuses although this host could answer it. Default false. */
  readonly strictCompat?: boolean | undefined;
  /** Where it is counted what the database does. Default: counts of its own. */
  readonly metrics?: DatabaseMetrics | undefined;
  /** Sends requests of procedures and HTTP handlers. Absent: they are refused. */
  readonly outboundHttp?: OutboundHttp | undefined;
  /** Default: `DEFAULT_SNAPSHOT_POLICY`. */
  readonly snapshots?: SnapshotPolicy | undefined;
}
