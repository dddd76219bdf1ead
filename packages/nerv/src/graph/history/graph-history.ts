// What a graph has been, as a log of changes.
//
// - `#log` holds, from `#first` on, the latest changes in the order of their times, as many as are kept; what came before
//   is trimmed. The graph can be told as of any time from the last trimmed change's on.
// - Of a row that has a change in the log, `#latest` has the latest version, and each version leads to the one before it,
//   back to what the row was when the log begins. Any other row is what it is now.

import { assert } from '../../assert.ts';
import { NervError } from '../../errors.ts';
import type { Entity, Relation } from '../entity.ts';
import type { NetChange, NetChanges } from '../graph-change.ts';
import type { HistoryKeeper } from '../local-entity-graph.ts';
import type { RowVersion } from '../graph-past.ts';
import type { GraphRows, GraphStore } from '../graph-store.ts';
import { checkedCount, invalidArgument } from '../walk.ts';
import { PastRows } from './past-rows.ts';

/** How much of the past is kept. Both bounds hold. */
export interface GraphHistoryOptions {
  /**
   * How many changes of single rows to keep, at most; default 100,000. A change takes some 200 bytes, the row that it
   * replaced included, and what that row alone holds: properties and tags that the change replaced.
   */
  readonly changes?: number | undefined;
  /** How long to keep them, in milliseconds, judged at each write. Default: for ever. */
  readonly ageMs?: number | undefined;
}

/** One state of a row. */
interface Version {
  readonly subject: 'entity' | 'relation';
  readonly id: string;
  /** When it began; undefined if that is trimmed. */
  readonly at: number | undefined;
  /** Undefined: the row was deleted. */
  readonly row: Entity | Relation | undefined;
  before: Version | undefined;
}

/** A change in the log, and the state it made. */
interface LoggedVersion extends Version {
  readonly at: number;
}

const DEFAULT_CHANGES = 100_000;
const COMPACT_FROM = 64;

/** The past of one graph, for `new EntityGraph({ history: new GraphHistory() })`. */
export class GraphHistory implements HistoryKeeper {
  readonly #limit: number;
  readonly #ageMs: number;
  readonly #latest = { entity: new Map<string, Version>(), relation: new Map<string, Version>() };
  #log: LoggedVersion[] = [];
  #first = 0;
  /** How many changes lie before the log's array. */
  #gone = 0;
  #now = Number.NEGATIVE_INFINITY;
  #trimmedUpTo = Number.NEGATIVE_INFINITY;
  #present: GraphStore | undefined;

  /** @throws NervError `graph/invalid-argument` */
  constructor({ changes = DEFAULT_CHANGES, ageMs = Number.POSITIVE_INFINITY }: GraphHistoryOptions = {}) {
    checkedCount('changes', changes);
    if (!(ageMs >= 0)) throw invalidArgument('ageMs', ageMs, 'a number from 0');
    this.#limit = changes;
    this.#ageMs = ageMs;
  }

  /** How many changes are kept now. */
  get size(): number {
    return this.#log.length - this.#first;
  }

  begin(present: GraphStore): void {
    if (this.#present !== undefined) throw invalidArgument('history', 'in use', 'one that no other graph has');
    this.#present = present;
  }

  record({ entities, relations }: NetChanges, atMs: number): void {
    // A clock may run backwards; what was recorded later comes later.
    this.#now = Math.max(this.#now, atMs);
    for (const change of entities) this.#add('entity', change);
    for (const change of relations) this.#add('relation', change);
    this.#trim();
  }

  asOf(timeMs: number): GraphRows {
    assert(this.#present !== undefined, 'a graph has begun this history');
    return new PastRows(this, this.#present, timeMs);
  }

  versionsOf(id: string): readonly RowVersion<Entity | Relation>[] {
    return [...this.#versions('entity', id), ...this.#versions('relation', id)];
  }

  /** What a row was at a time; its present row, which is `now`, if it has not changed since. */
  rowAt<Row extends Entity>({ subject, id, now }: RowNow<Row>, timeMs: number): Row | undefined {
    let version = this.#latest[subject].get(id);
    if (version === undefined) return now;
    while (version?.at !== undefined && version.at > timeMs) version = version.before;
    // The versions of a subject's rows are of its rows.
    return version?.row as Row | undefined;
  }

  /** Where in the log the changes after a time begin. */
  placeAfter(timeMs: number): number {
    let low = this.#first;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      // The middle lies between the ends, so that there is a change.
      if ((this.#log[middle] as LoggedVersion).at <= timeMs) low = middle + 1;
      else high = middle;
    }
    return this.#gone + low;
  }

  /** The changes from a place on that is not trimmed, and the place after them. */
  changesFrom(place: number): { readonly changes: readonly Change[]; readonly end: number } {
    return { changes: this.#log.slice(place - this.#gone), end: this.#gone + this.#log.length };
  }

  /** @throws NervError `graph/history-trimmed` */
  assertKept(timeMs: number): void {
    if (timeMs >= this.#trimmedUpTo) return;
    throw new NervError(
      'graph/history-trimmed',
      `The graph's past is kept from ${this.#trimmedUpTo} on, and ${timeMs} lies before. ` +
        `Ask for a later time, or keep more in 'changes' and 'ageMs'.`,
      { details: { timeMs, keptFromMs: this.#trimmedUpTo } },
    );
  }

  #add(subject: Version['subject'], { id, before: row, after }: NetChange<Entity>): void {
    const latest = this.#latest[subject];
    const first: Version | undefined = row && {
      subject,
      id,
      at: undefined,
      row,
      before: undefined,
    };
    const version: LoggedVersion = {
      subject,
      id,
      at: this.#now,
      row: after,
      before: latest.get(id) ?? first,
    };
    latest.set(id, version);
    this.#log.push(version);
  }

  #trim(): void {
    const oldest = this.#now - this.#ageMs;
    for (let version = this.#log[this.#first]; version !== undefined; version = this.#log[this.#first]) {
      if (this.size <= this.#limit && version.at >= oldest) break;
      this.#first += 1;
      this.#trimmedUpTo = version.at;
      version.before = undefined;
      const latest = this.#latest[version.subject];
      if (latest.get(version.id) === version) latest.delete(version.id);
    }
    if (this.#first < COMPACT_FROM || this.#first * 8 < this.size) return;
    this.#gone += this.#first;
    this.#log = this.#log.slice(this.#first);
    this.#first = 0;
  }

  #versions(subject: Version['subject'], id: string): readonly RowVersion<Entity | Relation>[] {
    const row = this.#present?.[subject === 'entity' ? 'entities' : 'relations'].get(id)?.row;
    const latest = this.#latest[subject].get(id) ?? {
      subject,
      id,
      at: undefined,
      row,
      before: undefined,
    };
    const versions: RowVersion<Entity | Relation>[] = [];
    let replacedAt: number | undefined;
    for (let version: Version | undefined = latest; version !== undefined; version = version.before) {
      if (version.row !== undefined) {
        versions.push(Object.freeze({ subject, row: version.row, recordedAt: version.at, replacedAt }));
      }
      replacedAt = version.at;
    }
    return versions.reverse();
  }
}

/** Which row changed. */
type Change = Pick<Version, 'subject' | 'id'>;

interface RowNow<Row> {
  readonly subject: Version['subject'];
  readonly id: string;
  readonly now: Row | undefined;
}
