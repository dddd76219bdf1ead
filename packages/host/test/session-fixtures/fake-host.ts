import { silentLogger, type LogRecord } from '../../src/clock/clock.ts';
import { systemClock, systemTimers } from '../../src/clock/system-clock.ts';
import { makeMemoryCredentials, type HostCredentials } from '../../src/identity/host-credentials.ts';
import { identityToHex } from '../../src/identity/identity.ts';
import { hashProgram } from '../../src/identity/program-hash.ts';
import type { TokenAuthority } from '../../src/identity/token-authority.ts';
import type { ServedDatabase, ServedHost } from '../../src/session/served-host.ts';
import { SessionHub } from '../../src/session/session-hub.ts';
import type { SessionLimits } from '../../src/session/session-limits.ts';
import { SubscriptionManager } from '../../src/subscriptions/subscription-manager.ts';
import { FakeDatabase } from './fake-database.ts';

/** A host with one fake database called `test`. */
export class FakeHost implements ServedHost {
  readonly database: FakeDatabase;
  readonly sessions: SessionHub;
  readonly tokens: TokenAuthority;
  readonly credentials: HostCredentials;
  readonly dataDirectory: string | undefined;
  readonly records: LogRecord[] = [];
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

  findDatabase(nameOrIdentity: string): ServedDatabase | undefined {
    const names = ['test', identityToHex(this.database.identity)];
    if (!names.includes(nameOrIdentity)) return undefined;
    return { name: 'test', database: this.database, sessions: this.sessions, programHash: hashProgram('') };
  }
}

export interface FakeHostOptions {
  isDurable?: boolean;
  limits?: Partial<SessionLimits>;
  dataDirectory?: string;
}

export async function makeFakeHost(options: FakeHostOptions = {}): Promise<FakeHost> {
  return new FakeHost(await makeMemoryCredentials(systemClock), options);
}
