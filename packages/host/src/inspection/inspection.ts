/*
 * What a host and its databases are like at one moment, for consoles and bug reports. Plain data, as JSON has it:
 * identities are hex, offsets and times in microseconds are decimal text. No tokens, no keys, no rows; but the text of
 * the clients' queries, with the values that stand in it.
 */

/** The first of many things, and how many there are. */
export interface Listed<Item> {
  readonly total: number;
  /** At most `LISTED_MAX` of them. */
  readonly items: readonly Item[];
}

/** A host. */
export interface HostInspection {
  readonly takenAtMicros: string;
  readonly dataDirectory: string | undefined;
  readonly owner: string;
  readonly isolation: 'none' | 'thread';
  /** Milliseconds; undefined for no limit. */
  readonly callTimeLimitMs: number | undefined;
  readonly procedureTimeLimitMs: number | undefined;
  /** Issuers whose tokens are accepted beside the host's own. */
  readonly trustedIssuers: readonly string[];
  readonly server: { readonly address: string } | undefined;
  readonly process: {
    readonly node: string;
    readonly platform: string;
    readonly uptimeSeconds: number;
    readonly residentBytes: number;
    readonly heapUsedBytes: number;
    readonly externalBytes: number;
  };
  readonly databases: readonly InspectedDatabase[];
}

/** A database as its host knows it, and as it is inside, unless it is stopped or too busy to tell. */
export interface InspectedDatabase {
  readonly name: string;
  readonly names: readonly string[];
  readonly identity: string;
  readonly owner: string;
  readonly programHash: string;
  readonly isLocked: boolean;
  readonly isolation: 'none' | 'thread';
  /** Why nothing more is known. */
  readonly unknownBecause: string | undefined;
  readonly inside: DatabaseInspection | undefined;
}

/** A database from inside. */
export interface DatabaseInspection {
  /** SHA-256 of the program's text, in hex, and the bytes of that text. */
  readonly programSha256: string;
  readonly programBytes: number;
  readonly reducers: readonly string[];
  readonly procedures: readonly string[];
  readonly tables: readonly InspectedTable[];
  readonly clients: Listed<InspectedClient>;
  readonly liveQueries: Listed<InspectedQuery>;
  readonly schedules: Listed<InspectedSchedule>;
  readonly views: Listed<InspectedView>;
  readonly storage: {
    readonly nextOffset: string;
    readonly durableOffset: string;
    readonly logBytes: number;
    readonly snapshotBytes: number;
    readonly isReadOnly: boolean;
    readonly failure: string | undefined;
  };
  /** What one client may cost. */
  readonly sessionLimits: Readonly<Record<string, number>>;
  readonly slowCallMs: number | undefined;
  readonly slowQueryMs: number | undefined;
}

export interface InspectedTable {
  readonly id: number;
  readonly name: string;
  readonly access: string;
  readonly isEvent: boolean;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly indexes: readonly InspectedIndex[];
  readonly rows: number;
  readonly bytes: number;
  readonly reservedBytes: number;
}

export interface InspectedIndex {
  readonly name: string;
  readonly algorithm: string;
  readonly isUnique: boolean;
  readonly columns: readonly string[];
}

export interface InspectedClient {
  readonly identity: string;
  readonly connectionId: string;
  readonly protocol: 'v2' | 'v3';
  readonly confirmedReads: boolean;
  readonly inboundPayloads: number;
  readonly inboundBytes: number;
  readonly outboundMessages: number;
  readonly outboundBytes: number;
  readonly querySets: Listed<{ readonly id: number; readonly queries: Listed<string> }>;
}

export interface InspectedQuery {
  readonly sql: string;
  /** Query sets that it stands in. */
  readonly subscribers: number;
  /** One line a step, and how it is kept up to date. */
  readonly plan: readonly string[];
}

export interface InspectedSchedule {
  readonly table: string;
  readonly function: string;
  readonly scheduleId: string;
  readonly dueAtMicros: string;
}

export interface InspectedView {
  readonly name: string;
  /** As whom it is evaluated; undefined for an anonymous view. */
  readonly sender: string | undefined;
  /** Live queries, and requests that are being answered. */
  readonly users: number;
  readonly rows: number;
  readonly bytes: number;
  /** Tables of which any change matters, and keys of others. */
  readonly reads: { readonly tables: readonly string[]; readonly keys: number };
  readonly sql: string | undefined;
}

/** Most items of one list. */
export const LISTED_MAX = 1_000;

/** Most of the characters of a query's text. */
export const SQL_LENGTH_MAX = 1_000;

/** The first of the things in a list. */
export function listFirst<Item, Told>(
  all: Iterable<Item>,
  tell: (item: Item) => Told,
  itemsMax: number = LISTED_MAX,
): Listed<Told> {
  const items: Told[] = [];
  let total = 0;
  for (const item of all) {
    total += 1;
    if (items.length < itemsMax) items.push(tell(item));
  }
  return { total, items };
}
