import type { StateTree } from '@inner-universe/nerv/temporal';
import type { Encryption } from '../encryption/encryption.ts';
import type { StatePair, StateSealer } from '../encryption/state-sealer.ts';

/** The states of one store as recorded and as seen: two forms where a policy seals something, else the same. */
export class SealedStates {
  readonly #sealer: StateSealer | undefined;
  readonly #stopFollowing: (() => void) | undefined;

  /** `onKeysChanged` is called when states may open to something else than before. */
  constructor(encryption: Encryption | undefined, store: string, onKeysChanged: () => void) {
    const sealer = encryption?.stateSealer(store);
    this.#sealer = sealer;
    if (sealer === undefined) return;
    this.#stopFollowing = encryption?.onKeysChanged(() => {
      sealer.forget();
      onKeysChanged();
    });
  }

  /** How a recorded state is seen. */
  async open(tree: StateTree): Promise<StateTree> {
    return this.#sealer === undefined ? tree : this.#sealer.open(tree);
  }

  /** What is to be recorded of a state. @throws {EncryptionError} `encryption/in-list`, `encryption/not-authentic` */
  async seal(before: StatePair | undefined, open: StateTree): Promise<StatePair> {
    if (this.#sealer === undefined) return { tree: open, open };
    const pair = { tree: await this.#sealer.seal(before, open), open };
    this.#sealer.adopt(pair);
    return pair;
  }

  /** What was merged of recorded states: values that conflicts were decided for are sealed where they must be. */
  async sealMerged(before: StateTree, merged: StateTree): Promise<StatePair> {
    if (this.#sealer === undefined) return { tree: merged, open: merged };
    const tree = await this.#sealer.seal({ tree: before, open: before }, merged);
    return { tree, open: await this.#sealer.open(tree) };
  }

  /** Ends following the keys. */
  close(): void {
    this.#stopFollowing?.();
  }
}
