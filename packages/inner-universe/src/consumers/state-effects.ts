import type { Op } from '@inner-universe/module/wire';
import { StateTree, type Change, type CommitOptions, type Drafted } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import type { Encryption } from '../encryption/encryption.ts';
import type { StatePair } from '../encryption/state-sealer.ts';
import { SealedStates } from '../temporal/sealed-states.ts';
import { VersionLog, type VersionLink } from '../temporal/version-log.ts';
import { VersionReader } from '../temporal/version-reader.ts';
import { prepareVersion } from '../temporal/version-recorder.ts';

/** How a handler commits to a store. */
export interface EffectCommitOptions<S> extends Pick<CommitOptions, 'author' | 'description' | 'branch'> {
  /** What the change begins with where the store has no versions yet. */
  readonly initial?: S | undefined;
  /** Where the versions of a new store may be read from; default `main`. */
  readonly scope?: string | undefined;
}

/** A branch as commits that are not recorded yet leave it. */
export interface StateHead extends StatePair {
  readonly link: VersionLink;
}

/** Branches by store and name. */
export type StateHeads = ReadonlyMap<string, StateHead>;

/** A commit that is ready to be sent, and where it leaves its branch. */
export interface StateEffect {
  readonly versionId: string;
  readonly ops: readonly Op[];
  readonly chunks: readonly Op[];
  readonly heads: StateHeads;
}

/** A commit as a handler asked for it. */
export interface CommitRequest {
  readonly store: string;
  readonly change: Change<unknown>;
  readonly options: EffectCommitOptions<unknown>;
}

interface OpenStore {
  readonly log: VersionLog;
  readonly sealed: SealedStates;
}

/** How many stores' descriptions are kept for the next commit. */
const STORES_KEPT = 64;

/** Makes versions out of what handlers commit, on top of what is recorded and of what waits with them. */
export class StateEffects {
  readonly #client: ModuleClient;
  readonly #encryption: Encryption | undefined;
  readonly #reader: VersionReader;
  readonly #stores = new Map<string, OpenStore>();

  constructor(client: ModuleClient, encryption: Encryption | undefined) {
    this.#client = client;
    this.#encryption = encryption;
    this.#reader = new VersionReader(client.readPage);
  }

  /** @throws `state/branch-not-found` for a store without versions where no initial state is given */
  async commit({ store, change, options }: CommitRequest, heads: StateHeads): Promise<StateEffect> {
    const { branch = 'main', scope = 'main', author = '', description = '' } = options;
    const key = `${store}\n${branch}`;
    const { log, sealed } = this.#open(store);
    const head = heads.get(key) ?? (await this.#readHead({ log, sealed }, branch));
    if (head === undefined && options.initial === undefined) throw log.noBranch(branch);
    const open = changed(head?.open ?? StateTree.from<unknown>(options.initial), change);
    const after = await sealed.seal(head, open);
    const recording = {
      branch,
      expectedHead: head?.link.id,
      parents: head === undefined ? [] : [head.link],
      before: head?.tree,
      after: after.tree,
      options: { description },
    };
    const { link, op, chunks } = prepareVersion(recording, { client: this.#client, store, scope, author });
    return { versionId: link.id, ops: [op], chunks, heads: new Map(heads).set(key, { ...after, link }) };
  }

  /** Ends following keys. */
  close(): void {
    for (const { sealed } of this.#stores.values()) sealed.close();
    this.#stores.clear();
  }

  async #readHead({ log, sealed }: OpenStore, branch: string): Promise<StateHead | undefined> {
    const found = await log.tryHead(branch);
    if (found === undefined) return undefined;
    const link = await log.link(found.versionId);
    const { tree } = await this.#reader.load(found.versionId);
    return { link, tree, open: await sealed.open(tree) };
  }

  #open(store: string): OpenStore {
    const known = this.#stores.get(store);
    const opened = known ?? {
      log: new VersionLog(this.#client, store),
      // Nothing that was opened is kept, so that other keys change nothing here.
      sealed: new SealedStates(this.#encryption, store, () => undefined),
    };
    this.#stores.delete(store);
    this.#stores.set(store, opened);
    for (const [name, { sealed }] of this.#stores) {
      if (this.#stores.size <= STORES_KEPT) break;
      sealed.close();
      this.#stores.delete(name);
    }
    return opened;
  }
}

function changed(open: StateTree, change: Change<unknown>): StateTree {
  // What is no function is a state: functions cannot be stored.
  return typeof change === 'function'
    ? open.edit((draft) => (change as (draft: Drafted<unknown>) => unknown)(draft as Drafted<unknown>))
    : open.adopt(StateTree.from<unknown>(change));
}
