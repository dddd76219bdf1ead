import type { Op } from '@inner-universe/module/wire';
import { StateTree } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, pages } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { runWithin } from '../connection/run-within.ts';
import type { Encryption } from '../encryption/encryption.ts';
import { SealedStates } from '../temporal/sealed-states.ts';
import { VersionLog, type VersionLink } from '../temporal/version-log.ts';
import { VersionReader } from '../temporal/version-reader.ts';
import { prepareVersion } from '../temporal/version-recorder.ts';
import type { DataMigration } from './define-migrations.ts';
import { authorOf, type MigrationPart } from './migration-record.ts';
import { goesOver } from './migration-parts.ts';
import { makeFunctionFailed, type FindOptions } from './row-changes.ts';

type StatePart = Extract<MigrationPart, { readonly kind: 'state' }>;

/** What becomes of a branch. */
export interface StateChange {
  readonly head: VersionLink;
  /** As recorded: sealed fields are sealed. */
  readonly before: StateTree;
  readonly after: StateTree;
  readonly scope: string;
}

/** Reads branches, works out the states that follow, and makes the versions for them. */
export class StateChanges {
  readonly #client: ModuleClient;
  readonly #encryption: Encryption | undefined;
  readonly #reader: VersionReader;

  constructor(client: ModuleClient, encryption: Encryption | undefined) {
    this.#client = client;
    this.#encryption = encryption;
    this.#reader = new VersionReader(client.readPage);
  }

  /**
   * What a migration makes of a branch as it is after the `earlier` ones; undefined where it is not there, or stays as it
   * is. @throws `migration/function-failed`
   */
  async find(
    migration: DataMigration,
    { store, branch }: StatePart,
    { earlier = [], call }: FindOptions,
  ): Promise<StateChange | undefined> {
    const asked = { ...ALL_REFERENCES, store, name: branch };
    const { branches } = await this.#client.read('readBranches', asked, call);
    const found = branches.find(({ name }) => name === branch);
    if (found === undefined) return undefined;
    const { head, tree } = await runWithin(
      'migrations.readState',
      call,
      () => this.#load(store, found.head),
      this.#client.timers,
    );
    const sealed = new SealedStates(this.#encryption, store, () => undefined);
    try {
      let before = { tree, open: await sealed.open(tree) };
      for (const one of earlier.filter((migration) => goesOver(migration, store, branch))) {
        const next = runMigrator(one, { store, branch }, before.open);
        if (next !== undefined && !next.equals(before.open)) before = await sealed.seal(before, next);
      }
      const next = runMigrator(migration, { store, branch }, before.open);
      if (next === undefined || next.equals(before.open)) return undefined;
      const after = await sealed.seal(before, next);
      return { head, before: before.tree, after: after.tree, scope: found.scope };
    } finally {
      sealed.close();
    }
  }

  async #load(store: string, id: string): Promise<{ readonly head: VersionLink; readonly tree: StateTree }> {
    const head = await new VersionLog(this.#client, store).link(id);
    return { head, tree: (await this.#reader.load(id)).tree };
  }

  /** The version for a change, refused if the branch moved meanwhile; `chunks` go before. */
  make(
    { id: migration, description }: DataMigration,
    { store, branch }: StatePart,
    { head, before, after, scope }: StateChange,
  ): { readonly ops: readonly Op[]; readonly chunks: readonly Op[] } {
    const options = { description: description ?? `Migration ${migration}` };
    const recording = { branch, expectedHead: head.id, parents: [head], before, after, options };
    const author = authorOf(migration);
    const { op, chunks } = prepareVersion(recording, { client: this.#client, store, scope, author });
    return { ops: [op], chunks };
  }

  /** The branches that a migration of a store goes over, by name. */
  async branchesOf(store: string, wanted: readonly string[] | 'all', call: CallOptions): Promise<readonly string[]> {
    const names: string[] = [];
    const read = (cursor: string) => this.#client.read('readBranches', { ...ALL_REFERENCES, store, cursor }, call);
    for await (const { branches } of pages(read)) names.push(...branches.map(({ name }) => name));
    return wanted === 'all' ? names : wanted.filter((name) => names.includes(name));
  }
}

function runMigrator(
  migration: DataMigration,
  { store, branch }: { readonly store: string; readonly branch: string },
  open: StateTree,
): StateTree | undefined {
  const given = migration.states?.[store];
  const migrate = typeof given === 'function' ? given : given?.migrate;
  try {
    const next = migrate?.(open.view());
    if (next === undefined) return undefined;
    if (next instanceof Promise) throw new TypeError('It gave a promise; it must give the state itself.');
    return open.adopt(StateTree.from<unknown>(next));
  } catch (cause) {
    throw makeFunctionFailed(migration.id, `branch '${branch}' of '${store}'`, { store, branch }, cause);
  }
}
