import type { TableDelta } from '../datastore/state-view.ts';
import type { ColumnsKey, RowKey } from './columns-key.ts';
import type { ReadSet } from './read-set.ts';

/** A transaction, as far as it tells what it changed so far. */
export interface ChangeSource {
  /** Tables that it wrote to, whether or not something came of it. */
  readonly writtenTables: Iterable<number>;
  /** Its net change of a table; undefined when there is none. */
  changes(tableId: number): TableDelta | undefined;
}

/** Who looked up keys of the same columns of a table. */
interface KeyReaders<Reader> {
  readonly columns: ColumnsKey;
  readonly byKey: Map<RowKey, Set<Reader>>;
}

interface TableReaders<Reader> {
  readonly ofWhole: Set<Reader>;
  readonly ofKeys: Map<string, KeyReaders<Reader>>;
}

/**
 * Who read what, the other way round: finds whom a transaction's changes concern. That costs by the changed rows and by
 * the kinds of keys that were looked up in their tables, not by the number of readers.
 */
export class DependencyIndex<Reader> {
  readonly #readSets = new Map<Reader, ReadSet>();
  readonly #tables = new Map<number, TableReaders<Reader>>();

  /** Whether nobody reads anything. */
  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  /** Takes a reader's read set in the place of the one it had. */
  set(reader: Reader, readSet: ReadSet): void {
    this.remove(reader);
    this.#readSets.set(reader, readSet);
    for (const tableId of readSet.tables) this.#readersOf(tableId).ofWhole.add(reader);
    for (const [tableId, groups] of readSet.keys) {
      const { ofKeys } = this.#readersOf(tableId);
      for (const [id, { columns, keys }] of groups) {
        const group = ofKeys.get(id) ?? { columns, byKey: new Map<RowKey, Set<Reader>>() };
        ofKeys.set(id, group);
        for (const key of keys) addTo(group.byKey, key, reader);
      }
    }
  }

  /** What a reader read last; undefined when it reads nothing. */
  readSetOf(reader: Reader): ReadSet | undefined {
    return this.#readSets.get(reader);
  }

  remove(reader: Reader): void {
    const readSet = this.#readSets.get(reader);
    if (readSet === undefined) return;
    this.#readSets.delete(reader);
    for (const tableId of readSet.tables) {
      this.#tables.get(tableId)?.ofWhole.delete(reader);
      this.#dropUnused(tableId);
    }
    for (const [tableId, groups] of readSet.keys) {
      const ofKeys = this.#tables.get(tableId)?.ofKeys;
      for (const [id, { keys }] of groups) {
        const group = ofKeys?.get(id);
        for (const key of keys) removeFrom(group?.byKey, key, reader);
        if (group?.byKey.size === 0) ofKeys?.delete(id);
      }
      this.#dropUnused(tableId);
    }
  }

  /** The readers whose read sets a transaction changed. */
  concernedBy(source: ChangeSource): ReadonlySet<Reader> {
    const concerned = new Set<Reader>();
    for (const tableId of source.writtenTables) {
      const readers = this.#tables.get(tableId);
      const delta = readers === undefined ? undefined : source.changes(tableId);
      if (readers !== undefined && delta !== undefined) collect(readers, delta, concerned);
    }
    return concerned;
  }

  #readersOf(tableId: number): TableReaders<Reader> {
    const known = this.#tables.get(tableId);
    if (known !== undefined) return known;
    const created: TableReaders<Reader> = { ofWhole: new Set(), ofKeys: new Map() };
    this.#tables.set(tableId, created);
    return created;
  }

  #dropUnused(tableId: number): void {
    const readers = this.#tables.get(tableId);
    if (readers?.ofWhole.size === 0 && readers.ofKeys.size === 0) this.#tables.delete(tableId);
  }
}

function collect<Reader>(readers: TableReaders<Reader>, delta: TableDelta, into: Set<Reader>): void {
  for (const reader of readers.ofWhole) into.add(reader);
  for (const { columns, byKey } of readers.ofKeys.values()) {
    for (const rows of [delta.inserts, delta.deletes]) {
      for (const row of rows) for (const reader of byKey.get(columns.ofRow(row)) ?? []) into.add(reader);
    }
  }
}

function addTo<Reader>(byKey: Map<RowKey, Set<Reader>>, key: RowKey, reader: Reader): void {
  const readers = byKey.get(key);
  if (readers === undefined) byKey.set(key, new Set([reader]));
  else readers.add(reader);
}

function removeFrom<Reader>(byKey: Map<RowKey, Set<Reader>> | undefined, key: RowKey, reader: Reader): void {
  const readers = byKey?.get(key);
  readers?.delete(reader);
  if (readers?.size === 0) byKey?.delete(key);
}
