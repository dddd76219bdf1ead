import { assert } from '../assert.ts';
import type { ViewInstance } from './view-instance.ts';

/** Instances that may be kept although nobody uses them, and bytes of their rows. */
const IDLE_INSTANCES_MAX = 256;
const IDLE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Instances that nobody uses at the moment, kept for the next who asks; the least recently used are given up first.
 * They cost memory and no evaluation: when what one read changes, it loses its rows.
 *
 * Invariant: noting one that stands here already gives up none, so that one request can name several before it uses
 * any of them.
 */
export class IdleInstances {
  /** With the bytes that each is counted for; the least recently used first. */
  readonly #instances = new Map<ViewInstance, number>();
  readonly #countMax: number;
  readonly #bytesMax: number;
  readonly #onEvict: (instance: ViewInstance) => void;
  #bytes = 0;

  /** `countMin` is how many must have room: the most that one request can name. */
  constructor(options: {
    readonly countMin: number;
    readonly bytesMax?: number | undefined;
    readonly onEvict: (instance: ViewInstance) => void;
  }) {
    this.#countMax = Math.max(IDLE_INSTANCES_MAX, options.countMin);
    this.#bytesMax = options.bytesMax ?? IDLE_BYTES_MAX;
    this.#onEvict = options.onEvict;
  }

  get size(): number {
    return this.#instances.size;
  }

  /** Whether an instance may stand here: alone it must not be over the limit. */
  hasRoomFor({ byteLength }: ViewInstance): boolean {
    return byteLength <= this.#bytesMax;
  }

  /** Notes an instance as the one used last, whether or not it stands here already. */
  keep(instance: ViewInstance): void {
    assert(this.hasRoomFor(instance), 'an instance that is kept is not over the limit');
    this.take(instance);
    this.#instances.set(instance, instance.byteLength);
    this.#bytes += instance.byteLength;
    for (const oldest of this.#instances.keys()) {
      if (oldest === instance) return;
      if (this.#instances.size <= this.#countMax && this.#bytes <= this.#bytesMax) return;
      this.take(oldest);
      this.#onEvict(oldest);
    }
  }

  /** Takes an instance out: it is used again, or gone. */
  take(instance: ViewInstance): void {
    this.#bytes -= this.#instances.get(instance) ?? 0;
    this.#instances.delete(instance);
  }

  /** Takes the rows of an instance that stands here. */
  forgetRows(instance: ViewInstance): void {
    this.#bytes -= this.#instances.get(instance) ?? 0;
    this.#instances.set(instance, 0);
    instance.forgetRows();
  }
}
