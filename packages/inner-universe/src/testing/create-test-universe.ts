import type { ModuleSource } from '@inner-universe/host';
import type { CacheOptions } from '../cache/cache-options.ts';
import type { Logger } from '../observability/logger.ts';
import type { TestUniverse } from './test-universe.ts';

/** How a test universe is made. */
export interface TestUniverseOptions {
  /**
   * Decides everything that is random: identities, ids of events and versions, connection ids, pauses. Default the same
   * for all tests. A property test that chooses its seed prints `test.seed` when it fails.
   */
  readonly seed?: string | number | undefined;
  /** Where the clock stands at first, in microseconds since 1970. Default: 1 January 2026. */
  readonly startMicros?: bigint | undefined;
  /**
   * True lets the database use one realm of the module with all others that say so: faster by some milliseconds. The
   * module of Inner Universe keeps nothing between calls that a test could notice. Default true.
   */
  readonly shareRealm?: boolean | undefined;
  /** Default label of who publishes and commits. */
  readonly source?: string | undefined;
  /** How long calls wait for a lost host to come back, in milliseconds of the test's clock. Default 30,000. */
  readonly reconnectForMs?: number | undefined;
  /**
   * How long a call may be without an answer until its connection is taken to be dead, in milliseconds of the test's
   * clock. Default 60,000, as on a server. Given, it is noticed by who only listens as well: the client asks now and then.
   */
  readonly silenceMs?: number | undefined;
  /** What universes keep of their reads, as `openUniverse` takes it. */
  readonly cache?: CacheOptions | false | undefined;
  /** Takes what the universes log. Default: nobody; what went wrong is there by `takeErrors()`. */
  readonly logger?: Logger | undefined;
  /** The module; default that of Inner Universe, as it comes with this package. */
  readonly module?: string | ModuleSource | undefined;
}

/**
 * A universe in memory for one test, with the real module and the official SDK in between: fresh in milliseconds, with
 * several identities, a clock that the test moves, and faults on demand. The caller closes it.
 * @throws {NervPersistenceError} `config/invalid`; what the host throws when the module cannot be loaded
 */
export async function createTestUniverse(options: TestUniverseOptions = {}): Promise<TestUniverse> {
  // Loaded when needed: the mock, in the same entry, needs no host.
  const { TestUniverse } = await import('./test-universe.ts');
  return TestUniverse.create(options);
}
