import type { LogRecord } from '../clock/clock.ts';
import { Database } from '../database/database.ts';
import type { DatabaseState } from '../database/database-state.ts';
import type { SigningKeys } from '../identity/signing-keys.ts';
import { TokenAuthority } from '../identity/token-authority.ts';
import { makeProgramLoader } from '../module/program-loader.ts';
import type { ProgramLoader } from '../module/realm-port.ts';
import { createMemoryStorage, makeMemoryContents, type MemoryContents } from '../storage/memory-storage.ts';
import { ManualTime } from './manual-time.ts';
import { Recent } from './recent.ts';
import { SharingLoader } from './shared-realms.ts';
import { TestSeed } from './test-seed.ts';

/** Name of the database under test. */
export const TEST_DATABASE = 'test';

/** Owner of the database under test, among named identities. */
export const OWNER = 'owner';

/** Realms of a module that are made while the process is idle: one database uses one, or two when it has procedures. */
const READY_REALMS = 2;

/** Modules whose origins are kept, and how many of each. Another one is made in a few milliseconds. */
const MODULES_MAX = 8;
const ORIGINS_PER_MODULE_MAX = 16;

/** Loads modules for all test hosts of the process. */
export const testPrograms: ProgramLoader = makeProgramLoader(undefined, { readyRealms: READY_REALMS });

/** The same, for those that share a realm. */
export const sharingPrograms: ProgramLoader = new SharingLoader(testPrograms);

/** What tells origins apart. */
export interface OriginOptions {
  /** Text of the module's bundle. */
  readonly module: string;
  readonly seed: string;
  readonly startMicros: bigint;
}

/** A database right after its `init`, from which fresh databases go on. Never changes. */
export interface Origin {
  readonly state: DatabaseState;
  readonly contents: MemoryContents;
  /** What was logged while it was made. */
  readonly logs: readonly LogRecord[];
  readonly keys: SigningKeys;
  readonly ownerToken: string;
}

/** By module, then by seed and start. */
const origins: Recent<string, Recent<string, Promise<Origin>>> = new Recent(MODULES_MAX);

/**
 * The origin of fresh databases: made once for equal options, by running the module's `init` one microsecond before
 * `startMicros`.
 * @throws as `Database.open`
 */
export function originOf(options: OriginOptions): Promise<Origin> {
  const { module, seed, startMicros } = options;
  const ofModule = origins.get(module) ?? new Recent<string, Promise<Origin>>(ORIGINS_PER_MODULE_MAX);
  origins.set(module, ofModule);
  const key = `${startMicros}/${seed}`;
  const known = ofModule.get(key);
  if (known !== undefined) return known;
  const origin = makeOrigin(options);
  ofModule.set(key, origin);
  // Whoever asked is told; the next one tries again.
  origin.catch(() => ofModule.forget(key, origin));
  return origin;
}

async function makeOrigin({ module, seed: text, startMicros }: OriginOptions): Promise<Origin> {
  const seed = new TestSeed(text);
  // Earlier than anything that a test does: a module's `ctx.random` goes by the time of its first call.
  const time = new ManualTime(startMicros - 1n);
  const logs: LogRecord[] = [];
  const contents = makeMemoryContents();
  const database = await Database.open({
    name: TEST_DATABASE,
    program: module,
    storage: createMemoryStorage({ contents }),
    identity: seed.databaseIdentity,
    owner: seed.identityOf(OWNER),
    clock: time,
    timers: time,
    logger: { log: (record) => void logs.push(record) },
    programs: testPrograms,
    hashSeed: seed.hashSeed,
  });
  const state = database.capture();
  await database.close();
  const keys = seed.makeSigningKeys();
  const { token } = await new TokenAuthority(keys, time).issue(seed.subjectOf(OWNER));
  return { state, contents, logs, keys, ownerToken: token };
}
