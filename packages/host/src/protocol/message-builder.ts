import { BsatnWriter } from '../bsatn/writer.ts';

/** Shorter pieces are copied into the message; a longer one stays a chunk of its own, shared by all who get it. */
const SHARED_BYTES_MIN = 2048;

/** One encoded server message: chunks that follow each other. Nobody changes them. */
export interface EncodedMessage {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

/** Writes a message out of small fields and of parts that were encoded before, without copying the large ones. */
export class MessageBuilder {
  readonly writer: BsatnWriter = new BsatnWriter(64);
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;

  /** Puts encoded bytes in. They must never change afterwards. */
  part(bytes: Uint8Array): void {
    if (bytes.length < SHARED_BYTES_MIN) {
      this.writer.raw(bytes);
      return;
    }
    this.#cut();
    this.#append(bytes);
  }

  /** The message. The builder is not used again. */
  finish(): EncodedMessage {
    // Usually the writer's bytes are the whole message: no chunk before them, and nobody writes over them.
    if (this.#chunks.length === 0) return { chunks: [this.writer.peek()], byteLength: this.writer.length };
    this.#cut();
    return { chunks: this.#chunks, byteLength: this.#byteLength };
  }

  #cut(): void {
    if (this.writer.length === 0) return;
    this.#append(this.writer.toBytes());
    this.writer.reset();
  }

  #append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#byteLength += bytes.length;
  }
}
