import type { Op } from '@inner-universe/module/wire';
import { VersionConflictError } from '@inner-universe/nerv';
import type { BranchInfo, Tag } from '@inner-universe/nerv/temporal';
import { compareKeys } from '@inner-universe/nerv/values';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, pages } from '../client/reads.ts';
import { checkName } from './check-arguments.ts';
import { makeBranchExists, makeCheckedOut } from './state-refusals.ts';
import type { VersionLog } from './version-log.ts';

/** What names of versions are read and written with. */
export interface StoreReferencesParts {
  readonly client: ModuleClient;
  readonly store: string;
  readonly log: VersionLog;
  readonly write: (ops: readonly Op[]) => Promise<void>;
}

/** The branches and tags of one store. */
export class StoreReferences {
  readonly #parts: StoreReferencesParts;

  constructor(parts: StoreReferencesParts) {
    this.#parts = parts;
  }

  /** All branches, by name. */
  async branches(): Promise<BranchInfo[]> {
    const { client, store } = this.#parts;
    const found: BranchInfo[] = [];
    const read = (cursor: string) => client.read('readBranches', { ...ALL_REFERENCES, store, cursor });
    for await (const page of pages(read)) found.push(...page.branches.map(({ name, head }) => ({ name, head })));
    return found.sort((a, b) => compareKeys(a.name, b.name));
  }

  /** Makes a branch at a version. @throws `state/branch-exists` */
  async createBranch(name: string, head: string): Promise<void> {
    checkName('The name of a branch', name);
    const { store, write } = this.#parts;
    try {
      await write([{ tag: 'moveBranch', value: { store, name, expectedHead: undefined, head } }]);
    } catch (cause) {
      if (!(cause instanceof VersionConflictError)) throw cause;
      throw makeBranchExists(store, name, cause);
    }
  }

  /** Deletes a branch. @throws `state/branch-not-found`, `state/invalid-argument` for the one that is checked out */
  async deleteBranch(name: string, checkedOut: string): Promise<void> {
    const { store, log, write } = this.#parts;
    const { versionId: expectedHead } = await log.head(name);
    if (name === checkedOut) throw makeCheckedOut(name);
    await write([{ tag: 'deleteBranch', value: { store, name, expectedHead } }]);
  }

  /** Names a version. @throws `state/tag-exists` */
  async tag(name: string, versionId: string, author: string): Promise<void> {
    checkName('The name of a tag', name);
    const { store, write } = this.#parts;
    await write([{ tag: 'createTag', value: { store, name, versionId, description: '', author, replace: false } }]);
  }

  /** Takes a name away. @throws `state/tag-not-found` */
  async deleteTag(name: string): Promise<void> {
    checkName('The name of a tag', name);
    const { store, write } = this.#parts;
    await write([{ tag: 'deleteTag', value: { store, name } }]);
  }

  /** All tags, by name. */
  async tags(): Promise<Tag[]> {
    const { client, store } = this.#parts;
    const found: Tag[] = [];
    const read = (cursor: string) => client.read('readTags', { ...ALL_REFERENCES, store, cursor });
    for await (const page of pages(read)) found.push(...page.tags.map(({ name, versionId }) => ({ name, versionId })));
    return found.sort((a, b) => compareKeys(a.name, b.name));
  }
}
