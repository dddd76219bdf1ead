import type { Clock, Logger, Random, Timers } from '../clock/clock.ts';
import type { ProgramLoader } from "../module/realm-port.ts";
import type { Storage } from '../storage/storage.ts';

/** What a database needs to open. The database owns `storage` from then on and closes it. */
export interface DatabaseOptions {
  /** Name for logs. */
  readonly name: string;
  /** Text of the module's bundle. Absent: the stored one; required when nothing is stored yet. */
  readonly program?: string | undefined;
  readonly storage: Storage;
  /** The database's own identity. A stored one must be the same. */
  readonly identity: bigint;
  /** Who owns it: `init` runs as this identity. Ignored when stored: the first one stays. */
  readonly owner: bigint;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  /** Loads program text into running modules. */
  readonly programs: ProgramLoader;
}
