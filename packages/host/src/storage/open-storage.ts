import type { Random } from '../clock/clock.ts';
import { openDiskStorage } from './disk/disk-storage.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { SealedStorage } from './sealed/sealed-storage.ts';
import { makeSealer, type SealerDescription } from './sealed/storage-key.ts';
import type { Storage } from './storage.ts';

/** Where one database is stored. */
export interface StoragePlace {
  /** Absent: in memory, and gone with the process. */
  readonly directory: string | undefined;
  /** How what is written there is sealed; absent: it is not. */
  readonly sealing: SealerDescription | undefined;
  readonly random: Random;
}

/** Opens the storage of one database. @throws as `openDiskStorage` */
export async function openStorage({ directory, sealing, random }: StoragePlace): Promise<Storage> {
  if (directory === undefined) return createMemoryStorage({ keep: false });
  const storage = await openDiskStorage({ directory, random });
  return sealing === undefined ? storage : new SealedStorage(storage, makeSealer(sealing, random));
}
