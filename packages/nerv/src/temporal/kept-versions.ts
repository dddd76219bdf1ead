import { taken, type NervError } from '../errors.ts';
import { BranchTable } from './branch-table.ts';
import { versionNotFound, type Version } from './version.ts';
import type { Slot } from './tree/slot.ts';

/** What keeps the versions of a store, their states, and the names of both. */
export interface VersionKeeper {
  readonly branches: BranchTable;
  /** Whether a version has this id, here or left out by compaction. */
  has(id: string): boolean;
  /** @throws `state/version-not-found`, `state/version-compacted` */
  get(id: string): Version;
  /** The state of a version. @throws as `get`, and `state/corrupt-version` */
  read(id: string): Slot;
  /** Takes in a version, whose parents are here, with its state and the first parent's. @throws `state/id-taken` */
  add(version: Version, after: Slot, before: Slot | undefined): void;
  /** What subscribers are told of a change beside the states. */
  describe?(before: Slot, after: Slot): object;
}

/** Keeps the state of each version as it is: they share what they have in common, so one costs by what it changed. */
export class KeptVersions implements VersionKeeper {
  readonly branches: BranchTable = new BranchTable();
  readonly #kept = new Map<string, readonly [version: Version, state: Slot]>();

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  get(id: string): Version {
    return this.#entry(id)[0];
  }

  read(id: string): Slot {
    return this.#entry(id)[1];
  }

  add(version: Version, state: Slot): void {
    if (this.has(version.id)) throw versionIdTaken(version.id);
    this.#kept.set(version.id, [Object.freeze(version), state]);
  }

  #entry(id: string): readonly [version: Version, state: Slot] {
    const entry = this.#kept.get(id);
    if (entry === undefined) throw versionNotFound(id);
    return entry;
  }
}

/** The error for an id that another version has. */
export function versionIdTaken(versionId: string): NervError {
  return taken('state/id-taken', 'version', { versionId });
}
