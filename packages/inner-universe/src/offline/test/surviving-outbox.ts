import { MemoryCopies } from '../memory-copies.ts';
import { applyChanges } from '../memory-outbox.ts';
import { ownerKey } from '../outbox-owner.ts';
import type { Outbox, OutboxOwner, OutboxRecords, RecordChange } from '../outbox.ts';

interface Part {
  /** What would be there after a loss of power. */
  records: Map<string, string>;
  readonly copies: MemoryCopies;
  /** The handle that counts: what an earlier one writes reaches nothing, as from a process that is dead. */
  current: SurvivingRecords | undefined;
}

/** For tests: a durable outbox in memory, over which an application can be killed and started again. */
export class SurvivingOutbox implements Outbox {
  readonly isDurable = true;
  readonly #parts = new Map<string, Part>();
  /** Writes fail with this, while it is set. */
  failure: Error | undefined;

  async open(owner: OutboxOwner): Promise<OutboxRecords> {
    const key = ownerKey(owner);
    const part = this.#parts.get(key) ?? { records: new Map(), copies: new MemoryCopies(), current: undefined };
    this.#parts.set(key, part);
    const records = new SurvivingRecords(this, part);
    part.current = records;
    return records;
  }

  /** Kills who has it open: what no `durable` write has made safe is lost. */
  kill(): void {
    for (const part of this.#parts.values()) part.current?.kill();
  }

  /** How many records there are. */
  get size(): number {
    return [...this.#parts.values()].reduce((sum, { records }) => sum + records.size, 0);
  }
}

class SurvivingRecords implements OutboxRecords {
  readonly place = 'a test';
  readonly recovered: ReadonlyMap<string, string>;
  readonly copies: MemoryCopies;
  readonly #outbox: SurvivingOutbox;
  readonly #part: Part;
  #unsynced: RecordChange[] = [];
  #isDead = false;

  constructor(outbox: SurvivingOutbox, part: Part) {
    this.#outbox = outbox;
    this.#part = part;
    this.recovered = new Map(part.records);
    this.copies = part.copies;
  }

  /** A turn of the event loop later, as a disk does: whoever is killed before that has not written. */
  async write(changes: readonly RecordChange[], keep: 'durable' | 'soon'): Promise<void> {
    if (this.#outbox.failure !== undefined) throw this.#outbox.failure;
    this.#unsynced.push(...changes);
    if (keep === 'soon') return;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#isDead) throw new Error('killed');
    this.#sync();
  }

  async close(): Promise<void> {
    this.#sync();
  }

  /** What is not synced is lost, and nothing more is written. */
  kill(): void {
    this.#isDead = true;
  }

  #sync(): void {
    if (!this.#isDead) applyChanges(this.#part.records, this.#unsynced);
    this.#unsynced = [];
  }
}
