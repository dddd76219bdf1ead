/**
 * The watermark says: all records below this offset were acknowledged. Recovery refuses a log that ends before it, so a
 * log that was cut short is not taken for one that was never longer.
 *
 *       0  64   file header
 *     512  16   slot: u64 offset, u32 CRC-32C, mark "WMK\n"
 *    1024  16   slot
 *
 * Invariants:
 * - It is written only after the records below it are durable, and only grows.
 * - The slot that is not the newest is written, and only when the newest is durable, so that one is always whole. Each
 *   lies in a sector of its own.
 * - An unused slot is all zero.
 */
import { makeCorruptError } from '../storage-error.ts';
import { crc32cOfU64 } from './crc32c.ts';
import { checkFileHeader, encodeFileHeader, FILE_HEADER_BYTES } from './file-header.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { isZero, makeStoreSeed, readU32, writeU32 } from './frame.ts';
import { reading, writing } from './io-error.ts';
import { publishFile } from './publish-file.ts';

const SLOTS = [512, 1024] as const;
const SLOT_BYTES = 16;
const FILE_BYTES = 1536;
const SLOT_MARK = 0x0a4b4d57;

/** Makes the watermark file of a new database. @throws {StorageError} `storage/write-failed`. */
export async function createWatermark(fileSystem: FileSystem, file: string, storeId: Uint8Array): Promise<void> {
  const contents = new Uint8Array(FILE_BYTES);
  contents.set(encodeFileHeader({ kind: 'watermark', storeId, offset: 0 }), 0);
  await publishFile(fileSystem, file, contents);
}

/** Whether a watermark file is as creation leaves it: nothing was ever acknowledged. @throws {StorageError} `storage/read-failed`. */
export async function isUnusedWatermark(fileSystem: FileSystem, file: string): Promise<boolean> {
  const bytes = await readStart(fileSystem, file);
  return bytes.length === FILE_BYTES && isZero(bytes, FILE_HEADER_BYTES, FILE_BYTES);
}

/** The open watermark file of a database. */
export class Watermark {
  readonly #file: OpenFile;
  readonly #path: string;
  readonly #seed: number;
  #offset: number;
  #newestSlot: number;
  /** What an earlier process wrote last may not be durable either. */
  #isDurable: boolean = false;

  private constructor(file: OpenFile, path: string, seed: number, newest: WatermarkSlot) {
    this.#file = file;
    this.#path = path;
    this.#seed = seed;
    this.#offset = newest.offset;
    this.#newestSlot = newest.slot;
  }

  /** @throws {StorageError} `storage/corrupt`, `storage/newer-version`, `storage/read-failed`. */
  static async open(fileSystem: FileSystem, path: string, storeId: Uint8Array): Promise<Watermark> {
    const newest = await readNewestSlot(fileSystem, path, storeId);
    const file = await reading(path, () => fileSystem.open(path, 'write'));
    return new Watermark(file, path, makeStoreSeed(storeId), newest);
  }

  /** All records below it were acknowledged. */
  get offset(): number {
    return this.#offset;
  }

  /** Writes a higher offset; durable only after `sync`. @throws {StorageError} `storage/write-failed`. */
  async raise(offset: number): Promise<void> {
    if (offset <= this.#offset) return;
    if (!this.#isDurable) await this.sync();
    const slot = 1 - this.#newestSlot;
    this.#isDurable = false;
    const bytes = encodeSlot(offset, this.#seed);
    await writing(this.#path, () => this.#file.write(bytes, SLOTS[slot] ?? SLOTS[0]));
    this.#offset = offset;
    this.#newestSlot = slot;
  }

  /** @throws {StorageError} `storage/write-failed`. */
  async sync(): Promise<void> {
    await writing(this.#path, () => this.#file.sync());
    this.#isDurable = true;
  }

  async close(): Promise<void> {
    await writing(this.#path, () => this.#file.close());
  }
}

interface WatermarkSlot {
  readonly slot: number;
  readonly offset: number;
}

/**
 * The offset that a watermark file holds.
 * @throws {StorageError} `storage/corrupt`, `storage/newer-version`, `storage/read-failed`.
 */
export async function readWatermark(fileSystem: FileSystem, path: string, storeId: Uint8Array): Promise<number> {
  return (await readNewestSlot(fileSystem, path, storeId)).offset;
}

async function readNewestSlot(fileSystem: FileSystem, path: string, storeId: Uint8Array): Promise<WatermarkSlot> {
  const bytes = await readStart(fileSystem, path);
  checkFileHeader(bytes.subarray(0, FILE_HEADER_BYTES), path, { kind: 'watermark', storeId, offset: 0 });
  return chooseSlot(bytes, path, makeStoreSeed(storeId));
}

async function readStart(fileSystem: FileSystem, path: string): Promise<Uint8Array> {
  return reading(path, async () => {
    const file = await fileSystem.open(path, 'read');
    try {
      const buffer = new Uint8Array(FILE_BYTES);
      return buffer.subarray(0, await file.read(buffer, 0));
    } finally {
      await file.close();
    }
  });
}

/** The slot with the highest offset. One may be torn by a crash; both unsound is damage. */
function chooseSlot(bytes: Uint8Array, path: string, seed: number): WatermarkSlot {
  if (bytes.length < FILE_BYTES) {
    throw makeCorruptError({ file: path, byte: bytes.length, reason: 'the watermark file was cut short' });
  }
  const slots = SLOTS.map((at) => tryDecodeSlot(bytes.subarray(at, at + SLOT_BYTES), seed));
  const [first, second] = slots;
  if (first === undefined && second === undefined) {
    throw makeCorruptError({ file: path, byte: SLOTS[0], reason: 'both slots of the watermark were changed' });
  }
  return (second ?? -1) > (first ?? -1) ? { slot: 1, offset: second ?? 0 } : { slot: 0, offset: first ?? 0 };
}

function encodeSlot(offset: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(offset), true);
  writeU32(bytes, 8, crc32cOfU64(offset, seed));
  writeU32(bytes, 12, SLOT_MARK);
  return bytes;
}

function tryDecodeSlot(bytes: Uint8Array, seed: number): number | undefined {
  if (isZero(bytes, 0, SLOT_BYTES)) return 0;
  const offset = readU32(bytes, 0) + readU32(bytes, 4) * 0x1_0000_0000;
  const sound = readU32(bytes, 8) === crc32cOfU64(offset, seed) && readU32(bytes, 12) === SLOT_MARK;
  return sound ? offset : undefined;
}
