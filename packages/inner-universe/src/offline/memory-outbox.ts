import { COPIES_BYTES_MAX, MemoryCopies } from './memory-copies.ts';
import type { Outbox, OutboxOwner, OutboxRecords, RecordChange } from './outbox.ts';
import { makeInUse } from './outbox-errors.ts';
import { ownerKey } from './outbox-owner.ts';

interface Part {
  readonly records: Map<string, string>;
  readonly copies: MemoryCopies;
  isOpen: boolean;
}

/**
 * An outbox that ends with the process: writes survive the loss of the server, not that of the application. Opened
 * again in the same process it has what it had.
 */
export class MemoryOutbox implements Outbox {
  readonly isDurable = false;
  readonly #parts: Map<string, Part> = new Map();
  readonly #copiesBytesMax: number;

  constructor(options: { readonly copiesBytesMax?: number | undefined } = {}) {
    this.#copiesBytesMax = options.copiesBytesMax ?? COPIES_BYTES_MAX;
  }

  async open(owner: OutboxOwner): Promise<OutboxRecords> {
    const key = ownerKey(owner);
    const part = this.#parts.get(key) ?? {
      records: new Map(),
      copies: new MemoryCopies(this.#copiesBytesMax),
      isOpen: false,
    };
    if (part.isOpen) throw makeInUse('this outbox in memory', undefined);
    part.isOpen = true;
    this.#parts.set(key, part);
    return new MemoryRecords(part);
  }
}

class MemoryRecords implements OutboxRecords {
  readonly place = 'in memory';
  readonly recovered: ReadonlyMap<string, string>;
  readonly copies: MemoryCopies;
  readonly #part: Part;

  constructor(part: Part) {
    this.#part = part;
    this.recovered = new Map(part.records);
    this.copies = part.copies;
  }

  async write(changes: readonly RecordChange[]): Promise<void> {
    applyChanges(this.#part.records, changes);
  }

  async close(): Promise<void> {
    this.#part.isOpen = false;
  }
}

/** Carries changes out on records. */
export function applyChanges(records: Map<string, string>, changes: readonly RecordChange[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) records.delete(key);
    else records.set(key, value);
  }
}
