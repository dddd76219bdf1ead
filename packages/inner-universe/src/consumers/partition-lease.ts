/*
 * A worker's hold on a partition, and everything that is written under it. Invariants:
 * - `offset` is what is stored; every write carries it with the epoch it was made under, and one is on its way at a time.
 * - When somebody else claimed the partition, nothing is written any more and `signal` is aborted.
 * - A partition that was freed because a connection was lost, and that nobody else claimed, is ours again under a new
 *   epoch: what is being handled goes on.
 */
import { MAX_REQUEST_BYTES, type Op } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { opByteLength } from '../client/op-size.ts';
import { NervPersistenceError, refusalOf } from '../errors.ts';
import { isPassing, type OpSender } from './op-sender.ts';

/** What a lease works with. */
export interface LeaseParts {
  readonly client: ModuleClient;
  readonly sender: OpSender;
  readonly name: string;
  /** The stored epoch is not ours: whether the partition is lost is to be found out. */
  readonly onDoubt: () => void;
  /** Whether an attempt to send is the last one, if it fails. */
  readonly isGivenUp: () => boolean;
}

/** Where a partition stands when it is claimed. */
export interface PartitionStart {
  readonly partition: number;
  readonly epoch: bigint;
  readonly offset: bigint;
}

/** What goes with an advance; some ops carry the epoch. */
export interface Commit {
  readonly ops: (epoch: bigint) => readonly Op[];
  readonly to: bigint;
}

/** The right to write for a partition, as long as it lasts. */
export class PartitionLease {
  readonly partition: number;
  readonly #parts: LeaseParts;
  readonly #lost = new AbortController();
  #epoch: bigint;
  #offset: bigint;
  /** An advance past what is not this partition's, on its way with a renewal. */
  #passing: Promise<void> | undefined;
  /** Woken when it was decided whether the partition is still ours. */
  #decide: (() => void) | undefined;

  constructor(parts: LeaseParts, { partition, epoch, offset }: PartitionStart) {
    this.#parts = parts;
    this.partition = partition;
    this.#epoch = epoch;
    this.#offset = offset;
  }

  get epoch(): bigint {
    return this.#epoch;
  }

  get offset(): bigint {
    return this.#offset;
  }

  /** Aborted when the partition is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  get isLost(): boolean {
    return this.#lost.signal.aborted;
  }

  /** The partition is somebody else's. */
  lose(): void {
    if (this.isLost) return;
    this.#lost.abort(
      new NervPersistenceError(
        'consumer/stale-epoch',
        `Partition ${this.partition} of '${this.#parts.name}' was lost: somebody else handles its events now.`,
        { details: { name: this.#parts.name, partition: this.partition, epoch: this.#epoch.toString() } },
      ),
    );
    this.settle();
  }

  /** It is still ours, or again, under this epoch. */
  adopt(epoch: bigint): void {
    this.#epoch = epoch;
    this.settle();
  }

  /** Lets go on who waits for a decision. */
  settle(): void {
    this.#decide?.();
    this.#decide = undefined;
  }

  /**
   * What keeps the lease: an advance that changes nothing, or one to `position`, up to where nothing is left to handle.
   * `sent` ends when the outcome is known; with true if it was applied.
   */
  makeRenewal(position: bigint | undefined, sent: Promise<boolean>): Op | undefined {
    if (this.isLost) return undefined;
    const from = this.#offset;
    const to = position === undefined || position < from || this.#passing !== undefined ? from : position;
    if (to > from) {
      this.#passing = sent.then((isApplied) => {
        this.#passing = undefined;
        if (isApplied) this.#offset = to;
      });
    }
    return { tag: 'advancePartition', value: this.#advanceTo(to) };
  }

  /**
   * Sends ops with the advance. True when they are applied; false when the partition is lost or given up.
   * @throws the module's refusal of an op; what ends the connection for good
   */
  async commit({ ops, to }: Commit): Promise<boolean> {
    const { sender, client, isGivenUp } = this.#parts;
    await this.#passing;
    while (!this.isLost) {
      const epoch = this.#epoch;
      const requestId = client.ids.nextId();
      try {
        await sender.send(ops(epoch), { consumer: this.#advanceTo(to), requestId, isFinal: isGivenUp });
        this.#offset = to;
        return true;
      } catch (error) {
        const code = refusalOf(error)?.code;
        if (code === 'consumer/wrong-offset') return await this.#findOffset(requestId, to);
        if (code === 'consumer/stale-epoch') await this.#waitForDecision(epoch);
        else if (isGivenUp() && (code === undefined || isPassing(error))) return false;
        else throw error;
      }
    }
    return false;
  }

  /** Sends pieces of large values, as many at a time as a request takes. */
  async upload(chunks: readonly Op[]): Promise<void> {
    let group: Op[] = [];
    let bytes = 0;
    for (const chunk of chunks) {
      const size = opByteLength(chunk);
      if (bytes + size > MAX_REQUEST_BYTES) {
        await this.#sendChunks(group);
        group = [];
        bytes = 0;
      }
      group.push(chunk);
      bytes += size;
    }
    if (group.length > 0) await this.#sendChunks(group);
  }

  /** Resolves when nothing of it is on its way any more. */
  async idle(): Promise<void> {
    await this.#passing;
  }

  #sendChunks(chunks: readonly Op[]): Promise<void> {
    return this.#parts.sender.send(chunks, { isFinal: this.#parts.isGivenUp });
  }

  #advanceTo(to: bigint): { name: string; partition: number; epoch: bigint; from: bigint; to: bigint } {
    return { name: this.#parts.name, partition: this.partition, epoch: this.#epoch, from: this.#offset, to };
  }

  /** The offset is not where it was left: that very request moved it and its answer was lost, or another hand did. */
  async #findOffset(requestId: string, to: bigint): Promise<boolean> {
    const applied = await this.#wasApplied(requestId);
    if (applied) this.#offset = to;
    // Claimed anew, it goes on from where it really is.
    else this.lose();
    return applied;
  }

  async #wasApplied(requestId: string): Promise<boolean> {
    try {
      return (await this.#parts.client.read('readRequest', { requestId })).applied;
    } catch (error) {
      if (isPassing(error)) return false;
      throw error;
    }
  }

  async #waitForDecision(epoch: bigint): Promise<void> {
    if (this.isLost || this.#epoch !== epoch) return;
    const decided = new Promise<void>((resolve) => (this.#decide = resolve));
    this.#parts.onDoubt();
    await decided;
  }
}
