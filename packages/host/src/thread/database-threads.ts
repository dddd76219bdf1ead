import type { Clock, Logger, Timers } from '../clock/clock.ts';
import { systemClock, systemTimers } from '../clock/system-clock.ts';
import { HostError } from '../errors.ts';
import type { ClientLimits } from '../hosted-database.ts';
import type { TransformCache } from '../module/program-loader.ts';
import type { SlowLimits } from '../metrics/slow-log.ts';
import { findHelperEntry } from '../outbound-http/helper-entry.ts';
import type { OutboundPolicy } from '../outbound-http/outbound-options.ts';
import type { SealerDescription } from '../storage/sealed/storage-key.ts';
import type { Registration } from '../names/registration.ts';
import type { IsolationSettings } from './isolation-options.ts';
import { MemoryTransformCache } from './memory-transform-cache.ts';
import { ThreadedDatabase } from './threaded-database.ts';

/** What one database is opened with. */
export interface ThreadedDatabaseOptions extends SlowLimits {
  readonly name: string;
  readonly registration: Registration;
  readonly program: string | undefined;
  /** Directory of its storage; absent: in memory. */
  readonly directory: string | undefined;
  /** How what is stored there is sealed. */
  readonly sealing: SealerDescription | undefined;
  readonly identity: bigint;
  readonly owner: bigint;
  readonly logger: Logger;
  readonly limits?: ClientLimits | undefined;
  readonly strictCompat?: boolean | undefined;
  readonly hashSeed: number;
  /** What requests of the module may do; absent: they are refused. */
  readonly outboundPolicy: OutboundPolicy | undefined;
}

/** Opens the databases of one host, each in a thread of its own. */
export class DatabaseThreads {
  readonly #settings: IsolationSettings;
  readonly #transformCache: TransformCache;

  /** @throws {HostError} `host/invalid-option` for a clock or timers, which cannot be handed to another thread */
  constructor(
    settings: IsolationSettings,
    given: { readonly clock?: Clock | undefined; readonly timers?: Timers | undefined },
    transformCache: TransformCache | undefined,
  ) {
    if (given.clock !== undefined || given.timers !== undefined) {
      throw new HostError({
        code: 'host/invalid-option',
        message: "with isolation: 'thread' databases take the time from the machine: leave clock and timers out",
      });
    }
    this.#settings = settings;
    this.#transformCache = transformCache ?? new MemoryTransformCache();
  }

  /** @throws as `Database.open` */
  open(options: ThreadedDatabaseOptions): Promise<ThreadedDatabase> {
    const { callTimeLimitMs, procedureTimeLimitMs, threadHeapMiB } = this.#settings;
    const { logger, registration, name, program, directory, identity, owner, limits, strictCompat, hashSeed } = options;
    const { slowCallMs, slowQueryMs } = options;
    const slow = { slowCallMs, slowQueryMs };
    const { outboundPolicy: policy, sealing } = options;
    const outbound = policy && { policy, helperEntry: findHelperEntry() };
    const database = {
      name,
      program,
      directory,
      sealing,
      identity,
      owner,
      limits,
      strictCompat,
      hashSeed,
      outbound,
      ...slow,
    };
    return ThreadedDatabase.open(
      {
        worker: { ...database, callTimeLimitMs, procedureTimeLimitMs },
        heapMiB: threadHeapMiB,
        clock: systemClock,
        timers: systemTimers,
        logger,
        transformCache: this.#transformCache,
      },
      registration,
    );
  }
}
