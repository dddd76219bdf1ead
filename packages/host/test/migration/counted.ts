import type { Storage } from '../../src/storage/storage.ts';
import { type ModuleSpec, u32, u64 } from './definition.ts';
import { SpecDatabase } from './spec-database.ts';

/** A program with a table of so many columns: the key, and then numbers whose defaults say which column it is. */
export function countedSpec(count: number): ModuleSpec {
  const numbers = Array.from({ length: count - 1 }, (_, at) => ({ name: `c${at + 2}`, type: u32, default: at + 2 }));
  return { tables: [{ name: 'wide', columns: [{ name: 'id', type: u64 }, ...numbers], primaryKey: 'id' }] };
}

/** Opens a database that such programs run one after the other: makes it with the first, or opens what is stored. */
export function openCounted(storage: Storage, make: 'make' | 'open'): Promise<SpecDatabase> {
  const snapshots = { logBytesMin: 20_000, logBytesPerSnapshotByte: 1 };
  return SpecDatabase.open(make === 'make' ? countedSpec(1) : undefined, undefined, { storage, snapshots });
}
