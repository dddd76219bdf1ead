import type { SnapshotPolicy, StateTree } from '@inner-universe/nerv/temporal';
import { utf8Length } from '../client/op-size.ts';

/** How far the last state that is stored whole lies back. */
export interface SinceSnapshot {
  /** Deltas since then, that of the version itself included. */
  readonly versions: number;
  /** Bytes of their texts. */
  readonly bytes: number;
}

/**
 * How a store keeps states whole in the database unless it is told otherwise: as soon as replaying the deltas costs what
 * loading the state does. So any version is read within twice the cost of one state, and states take no more room than
 * the deltas, but for one on each branch.
 */
export const STORED_POLICY: SnapshotPolicy = { replayCost: 1 };

/** Deltas that cost less than this together are replayed whatever the state costs. */
const REPLAY_BYTES_MIN = 4_096;
/** What a delta costs beside its text: its row's ids and hash. */
const STEP_BYTES = 160;

/** Decides when a version is stored with its whole state. */
export class SnapshotRule {
  readonly #policy: SnapshotPolicy;
  /** Bytes of text for each place, when a state was last measured. Measuring costs by the size of the state. */
  #bytesPerPlace = 1;

  constructor(policy: SnapshotPolicy = STORED_POLICY) {
    this.#policy = policy;
  }

  /** The text of the state, if it is to be stored with this version. */
  tryTake(state: StateTree, since: SinceSnapshot): string | undefined {
    const { versions = Infinity, bytes = Infinity, replayCost } = this.#policy;
    if (since.versions >= versions || since.bytes >= bytes) return this.#measure(state).text;
    if (replayCost === undefined) return undefined;
    const cost = since.bytes + since.versions * STEP_BYTES;
    if (cost < Math.max(REPLAY_BYTES_MIN, state.weight * this.#bytesPerPlace * replayCost)) return undefined;
    const measured = this.#measure(state);
    return cost >= measured.bytes * replayCost ? measured.text : undefined;
  }

  #measure(state: StateTree): { readonly text: string; readonly bytes: number } {
    const text = state.stringify();
    const bytes = utf8Length(text);
    this.#bytesPerPlace = bytes / Math.max(1, state.weight);
    return { text, bytes };
  }
}
