import type { EncodedMessage } from '../protocol/message-builder.ts';

interface Entry {
  readonly message: EncodedMessage;
  /** The record that must be durable before the message may leave; undefined when there is none. */
  readonly offset: bigint | undefined;
}

/**
 * Messages to one client that have not left yet. Strictly first in, first out: a message that waits for durability
 * holds back everything behind it.
 */
export class Outbox {
  #entries: Entry[] = [];
  #head = 0;
  #byteLength = 0;

  /** Bytes that wait. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#entries.length - this.#head;
  }

  push(message: EncodedMessage, offset: bigint | undefined): void {
    this.#entries.push({ message, offset });
    this.#byteLength += message.byteLength;
  }

  /** Lets everything go that waits for durability. */
  release(): void {
    this.#entries = this.#entries.slice(this.#head).map(({ message }) => ({ message, offset: undefined }));
    this.#head = 0;
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries = [];
    this.#head = 0;
    this.#byteLength = 0;
  }

  /** The offset that the last message waits for; nothing is held back once it is durable. */
  get lastOffset(): bigint | undefined {
    for (let index = this.#entries.length - 1; index >= this.#head; index -= 1) {
      const offset = this.#entries[index]?.offset;
      if (offset !== undefined) return offset;
    }
    return undefined;
  }

  /**
   * Takes the next messages that may leave, as chunks of one payload: as many as fit into `payloadBytesMax`, at least
   * one. Undefined when there is none: the box is empty, or its first message waits.
   */
  takePayload(durableOffset: bigint, payloadBytesMax: number): readonly Uint8Array[] | undefined {
    const first = this.#takeReady(durableOffset);
    if (first === undefined) return undefined;
    const chunks = [...first.chunks];
    let bytes = first.byteLength;
    for (;;) {
      const next = this.#entries[this.#head];
      if (next === undefined || bytes + next.message.byteLength > payloadBytesMax) return chunks;
      const message = this.#takeReady(durableOffset);
      if (message === undefined) return chunks;
      for (const chunk of message.chunks) chunks.push(chunk);
      bytes += message.byteLength;
    }
  }

  #takeReady(durableOffset: bigint): EncodedMessage | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined || (entry.offset !== undefined && entry.offset >= durableOffset)) return undefined;
    this.#head += 1;
    this.#byteLength -= entry.message.byteLength;
    this.#compact();
    return entry.message;
  }

  #compact(): void {
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}
