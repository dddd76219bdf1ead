import type { Access } from '../access/access.ts';
import type { Settings } from '../access/settings.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { Context, Db } from '../schema/database.ts';
import type { StateVersionRow } from '../schema/rows.ts';
import type { Timestamp } from '../values/library-values.ts';

/** What later ops of a request need of a version. */
export type KnownVersion = Pick<
  StateVersionRow,
  'store' | 'chainHash' | 'depth' | 'generation' | 'nearestSnapshotId' | 'deltasSinceSnapshot' | 'bytesSinceSnapshot'
>;

/** One request while its ops are carried out. Lives no longer than its transaction. */
export interface Work {
  readonly ctx: Context;
  readonly db: Db;
  readonly access: Access;
  readonly settings: Settings;
  readonly log: LogWriter;
  readonly requestId: string;
  /** The server's time of everything written. */
  readonly now: Timestamp;
  /** The position of the op being carried out. */
  position: number;
  /** Rows that cascades have deleted so far. */
  cascaded: number;
  /** Event ids of this request, which are in no table before its end. */
  readonly eventIds: Set<string>;
  /** The scopes of entities that this request made or looked up and that exist at this point of it. */
  readonly entityScopes: Map<string, string>;
  /** Versions that this request recorded or looked up. */
  readonly versions: Map<string, KnownVersion>;
  /** The scopes of stores that this request made or looked up. */
  readonly storeScopes: Map<string, string>;
}
