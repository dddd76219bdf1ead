import { silentLogger, type LogRecord } from '../../src/clock/clock.ts';
import { systemClock, systemTimers } from '../../src/clock/system-clock.ts';
import { makeMemoryCredentials, type HostCredentials } from '../../src/identity/host-credentials.ts';
import { identityToHex } from '../../src/identity/identity.ts';
import { hashProgram } from '../../src/identity/program-hash.ts';
import type { TokenAuthority } from '../../src/identity/token-authority.ts';
import { DEFAULT_LOG_LIMITS } from '../../src/logs/log-limits.ts';
import { LogStore } from '../../src/logs/log-store.ts';
import { ServerMetrics } from '../../src/metrics/server-metrics.ts';
import { NameRegistry } from '../../src/names/name-registry.ts';
import { Registration } from '../../src/names/registration.ts';
import type { ManagedHost } from '../../src/server/managed-host.ts';
import type { DatabasePort, ServedDatabase } from '../../src/session/served-host.ts';
import { SessionHub } from '../../src/session/session-hub.ts';
import type { SessionLimits } from '../../src/session/session-limits.ts';
import { SubscriptionManager } from '../../src/subscriptions/subscription-manager.ts';
import { FakeDatabase } from './fake-database.ts';

const registration = new Registration(
  'test',
  await NameRegistry.open(undefined, ['test']),
  await LogStore.open({ limits: DEFAULT_LOG_LIMITS, clock: systemClock }),
);

/** A host with one fake database called `test`, which is there to be used: what manages databases is not. */
export class FakeHost implements ManagedHost {
  readonly database: FakeDatabase;
  readonly sessions: SessionHub;
  readonly tokens: TokenAuthority;
  readonly credentials: HostCredentials;
  readonly dataDirectory: string | undefined;
  readonly records: LogRecord[] = [];
  readonly serverMetrics = new ServerMetrics();
  readonly logger = { log: (record: LogRecord) => void this.records.push(record) };

  constructor(credentials: HostCredentials, options: FakeHostOptions = {}) {
    this.credentials = credentials;
    this.tokens = credentials.tokens;
    this.dataDirectory = options.dataDirectory;
    this.database = new FakeDatabase({ isDurable: options.isDurable ?? true });
    this.sessions = new SessionHub({
      name: 'test',
      database: this.database,
      subscriptions: new SubscriptionManager({ tables: this.database.tables, state: this.database.committed }),
      clock: systemClock,
      timers: systemTimers,
      logger: silentLogger,
      limits: options.limits,
    });
  }

  get owner(): bigint {
    return this.credentials.owner;
  }

  get databases(): readonly ServedDatabase[] {
    const found = this.findDatabase('test');
    return found === undefined ? [] : [found];
  }

  readonly createDatabase = notManaged;
  readonly publish = notManaged;
  readonly metrics = notManaged;
  readonly previewPublish = notManaged;
  readonly deleteDatabase = notManaged;
  readonly renameDatabase = notManaged;
  readonly addDatabaseName = notManaged;
  readonly lockDatabase = notManaged;

  findDatabase(nameOrIdentity: string): ServedDatabase | undefined {
    const names = ['test', identityToHex(this.database.identity)];
    if (!names.includes(nameOrIdentity)) return undefined;
    return {
      name: 'test',
      registration,
      // It has what sessions ask of a database; what routes ask besides, nobody does here.
      database: this.database as unknown as DatabasePort,
      sessions: this.sessions,
      programHash: hashProgram(''),
    };
  }
}

function notManaged(): Promise<never> {
  return Promise.reject(new Error('nobody manages databases here'));
}

export interface FakeHostOptions {
  isDurable?: boolean;
  limits?: Partial<SessionLimits>;
  dataDirectory?: string;
}

export async function makeFakeHost(options: FakeHostOptions = {}): Promise<FakeHost> {
  return new FakeHost(await makeMemoryCredentials(systemClock), options);
}
