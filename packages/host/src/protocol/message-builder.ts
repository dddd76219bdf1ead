import { BsatnWriter } from '../bsatn/writer.ts';

/** Shorter pieces are copied into the message; a longer one stays a chunk of its own, shared by all who get it. */
const SHARED_BYTES_MIN = 2048;

/** A writer that grew beyond this for a rare long message is not kept for the next. */
const KEPT_WRITER_BYTES_MAX = 64 * 1024;

/** One encoded server message: chunks that follow each other. Nobody changes them. */
export interface EncodedMessage {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
}

/** The writer of the last finished message, for the next one: most messages are short, and there are many. */
let spareWriter: BsatnWriter | undefined;

/** Writes a message out of small fields and of parts that were encoded before, without copying the large ones. */
export class MessageBuilder {
  readonly writer: BsatnWriter = takeWriter();
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;
  #longestBytes = 0;

  /** Puts encoded bytes in. They must never change afterwards. */
  part(bytes: Uint8Array): void {
    if (bytes.length < SHARED_BYTES_MIN) {
      this.writer.raw(bytes);
      return;
    }
    this.#cut();
    this.#append(bytes);
  }

  /** The message. Neither the builder nor its writer are used again. */
  finish(): EncodedMessage {
    this.#cut();
    if (this.#longestBytes <= KEPT_WRITER_BYTES_MAX) spareWriter = this.writer;
    return { chunks: this.#chunks, byteLength: this.#byteLength };
  }

  #cut(): void {
    const { length } = this.writer;
    if (length === 0) return;
    this.#longestBytes = Math.max(this.#longestBytes, length);
    this.#append(this.writer.toBytes());
    this.writer.reset();
  }

  #append(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#byteLength += bytes.length;
  }
}

function takeWriter(): BsatnWriter {
  const writer = spareWriter ?? new BsatnWriter(256);
  // Nobody else gets it before it is finished, also when one message is written while another one is.
  spareWriter = undefined;
  writer.reset();
  return writer;
}
