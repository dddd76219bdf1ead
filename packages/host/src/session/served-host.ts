import type { Logger } from '../clock/clock.ts';
import type { TokenAuthority } from '../identity/token-authority.ts';
import type { SessionDatabase } from './session-database.ts';
import type { SessionHub } from './session-hub.ts';

/** A database as clients reach it. One hub per database, made when it opens and closed before it closes. */
export interface ServedDatabase {
  readonly name: string;
  readonly database: SessionDatabase;
  readonly sessions: SessionHub;
  /** `hashProgram` of the bundle that runs, as 64 hex digits. */
  readonly programHash: string;
}

/** What the server and the in-process transport ask of a host. `Host` is the one implementation. */
export interface ServedHost {
  /** The data directory; undefined for a host in memory. */
  readonly dataDirectory: string | undefined;
  readonly tokens: TokenAuthority;
  readonly logger: Logger;
  /** Looks a database up by its name or by its identity in hex (64 digits, `0x` allowed). */
  findDatabase(nameOrIdentity: string): ServedDatabase | undefined;
}
