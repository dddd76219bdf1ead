/*
 * The key that a host's databases are sealed with. Invariants:
 * - the key of the data is random, and never leaves the process but wrapped by a key that the user keeps elsewhere;
 * - the file is there, durably, before anything is sealed with the key in it;
 * - exchanging the user's key writes this file anew and nothing else.
 *
 * `storage-key.json`: {"format":"inner-universe-storage-key","version":1,"state":…,"nonce":…,"wrapped":…}, the last two
 * in base64: AES-256-GCM of the key under the user's, the tag behind. `state` is `converting` while what was written
 * before the directory was encrypted may still be there in plain, and `sealed` from then on.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { Random } from '../../clock/clock.ts';
import { HostError } from '../../errors.ts';
import type { FileSystem } from '../disk/file-system.ts';
import { reading } from '../disk/io-error.ts';
import { publishFile } from '../disk/publish-file.ts';
import { Sealer } from './sealer.ts';

/** How the data of a host on disk are encrypted. */
export interface StorageKeyOptions {
  /** 32 bytes, kept apart from the data. Who loses it loses the data. */
  readonly key: Uint8Array;
  /** Earlier keys. A directory that opens with one of them is from then on under `key`. */
  readonly previousKeys?: readonly Uint8Array[] | undefined;
}

const FORMAT = 'inner-universe-storage-key';
const VERSION = 1;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A key file is some 200 bytes. */
const FILE_BYTES_MAX = 4_096;
const AAD = new TextEncoder().encode(`${FORMAT} ${VERSION}`);

type State = 'converting' | 'sealed';

interface KeyFile {
  readonly state: State;
  readonly nonce: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** Where the key of a directory is kept. */
export interface StorageKeyPlace {
  /** Path of the key file. */
  readonly file: string;
  readonly fileSystem: FileSystem;
}

/** What a storage key is opened with. */
export interface StorageKeyParts extends StorageKeyPlace {
  readonly random: Random;
  /** Whether databases are there already. */
  readonly hasData: boolean;
}

/** A key that was found: which of the user's opened it, and the one of the data. */
interface FoundKey {
  readonly state: State;
  readonly userKey: Uint8Array;
  readonly dataKey: Uint8Array;
}

/** The key of one host's data. */
export class StorageKey {
  readonly #parts: StorageKeyParts;
  readonly #dataKey: Uint8Array;
  readonly #userKey: Uint8Array;
  #state: State;

  private constructor(parts: StorageKeyParts, { state, userKey, dataKey }: FoundKey) {
    this.#parts = parts;
    this.#dataKey = dataKey;
    this.#userKey = userKey;
    this.#state = state;
  }

  /**
   * The key of a directory; undefined where nothing is encrypted. A directory that held plain data until now is to be
   * converted: what is written from now on is sealed, see `isConverting`.
   * @throws {HostError} `host/key-required`, `host/wrong-key`, `host/invalid-option`, `host/key-damaged`
   */
  static async open(parts: StorageKeyParts, options: StorageKeyOptions | undefined): Promise<StorageKey | undefined> {
    const found = await findKey(parts, options);
    if (options === undefined) return undefined;
    const { key: userKey } = options;
    if (found?.userKey === userKey) return new StorageKey(parts, found);
    const state = parts.hasData ? 'converting' : 'sealed';
    const made = found ?? { state, dataKey: parts.random.bytes(KEY_BYTES) };
    const storageKey = new StorageKey(parts, { ...made, userKey });
    await storageKey.#write();
    return storageKey;
  }

  /** Whether data from before the encryption may still be there: they go with the next snapshot of each database. */
  get isConverting(): boolean {
    return this.#state === 'converting';
  }

  /** To be called when nothing plain is left: from then on, nothing plain is taken. */
  async finishConverting(): Promise<void> {
    this.#state = 'sealed';
    await this.#write();
  }

  /** What the sealer of a database is made from. */
  describeSealer(database: string): SealerDescription {
    return describeSealer({ state: this.#state, dataKey: this.#dataKey }, database);
  }

  async #write(): Promise<void> {
    const { file, fileSystem, random } = this.#parts;
    const nonce = random.bytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#userKey, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(AAD);
    const wrapped = Buffer.concat([cipher.update(this.#dataKey), cipher.final(), cipher.getAuthTag()]);
    const contents = {
      format: FORMAT,
      version: VERSION,
      state: this.#state,
      nonce: Buffer.from(nonce).toString('base64'),
      wrapped: wrapped.toString('base64'),
    };
    await publishFile(fileSystem, file, new TextEncoder().encode(`${JSON.stringify(contents)}\n`));
  }
}

/** What a sealer is made from. A secret. */
export interface SealerDescription {
  readonly databaseKey: Uint8Array;
  readonly acceptsPlain: boolean;
}

/** The sealer of one opening of a database. */
export function makeSealer({ databaseKey, acceptsPlain }: SealerDescription, random: Random): Sealer {
  return new Sealer(databaseKey, { salt: random.bytes(16), acceptsPlain });
}

/**
 * Reads how the databases of a directory are sealed, without changing anything; undefined where they are not.
 * @throws as `StorageKey.open`
 */
export async function readSealing(
  place: StorageKeyPlace,
  options: StorageKeyOptions | undefined,
): Promise<((database: string) => SealerDescription) | undefined> {
  const found = await findKey(place, options);
  return found && ((database) => describeSealer(found, database));
}

function describeSealer({ state, dataKey }: Omit<FoundKey, 'userKey'>, database: string): SealerDescription {
  const info = `inner-universe database ${database}`;
  const databaseKey = new Uint8Array(hkdfSync('sha256', dataKey, new Uint8Array(0), info, KEY_BYTES));
  return { databaseKey, acceptsPlain: state === 'converting' };
}

/** The key that is stored; undefined where none is. */
async function findKey(place: StorageKeyPlace, options: StorageKeyOptions | undefined): Promise<FoundKey | undefined> {
  const { file } = place;
  const userKeys = options === undefined ? [] : [options.key, ...(options.previousKeys ?? [])];
  for (const key of userKeys) checkLength(key);
  const stored = await tryRead(place);
  if (stored === undefined) return undefined;
  if (options === undefined) {
    throw new HostError({
      code: 'host/key-required',
      message: `The data directory is encrypted (${file}). Give its storage key. Nothing was changed.`,
      details: { file },
    });
  }
  for (const userKey of userKeys) {
    const dataKey = tryUnwrap(stored, userKey);
    if (dataKey !== undefined) return { state: stored.state, userKey, dataKey };
  }
  throw new HostError({
    code: 'host/wrong-key',
    message: `The storage key is not the one of ${file}. Give the right one; after an exchange, the one before it under previousKeys. Nothing was changed.`,
    details: { file },
  });
}

async function tryRead({ file, fileSystem }: StorageKeyPlace): Promise<KeyFile | undefined> {
  const bytes = await reading(file, () => tryReadAll(fileSystem, file));
  return bytes === undefined ? undefined : parse(new TextDecoder().decode(bytes), file);
}

async function tryReadAll(fileSystem: FileSystem, file: string): Promise<Uint8Array | undefined> {
  const names = await fileSystem.list(dirname(file));
  if (names?.includes(basename(file)) !== true) return undefined;
  const handle = await fileSystem.open(file, 'read');
  try {
    const bytes = new Uint8Array(Math.min(await handle.size(), FILE_BYTES_MAX));
    return bytes.subarray(0, await handle.read(bytes, 0));
  } finally {
    await handle.close();
  }
}

function parse(text: string, file: string): KeyFile {
  const { format, version, state, nonce, wrapped } = tryParseObject(text) ?? {};
  if (format === FORMAT && typeof version === 'number' && version > VERSION) {
    throw new HostError({
      code: 'host/newer-version',
      message: `${file} was written by a newer release (version ${version}; this one knows ${VERSION}). Nothing was changed; open it with a newer release.`,
      details: { file, version, known: VERSION },
    });
  }
  const isWhole = format === FORMAT && version === VERSION && (state === 'sealed' || state === 'converting');
  const stored = { nonce: decodeBase64(nonce), wrapped: decodeBase64(wrapped) };
  if (isWhole && stored.nonce.length === NONCE_BYTES && stored.wrapped.length === KEY_BYTES + TAG_BYTES)
    return { state, ...stored };
  throw new HostError({
    code: 'host/key-damaged',
    message: `${file} is not what was written there. Nothing was changed. Restore it from a backup: without it the data cannot be read.`,
    details: { file },
  });
}

function tryParseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // Not JSON: the caller says that it is damaged.
    return undefined;
  }
}

function decodeBase64(text: unknown): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text, 'base64') : new Uint8Array(0);
}

function tryUnwrap({ nonce, wrapped }: KeyFile, user: Uint8Array): Uint8Array | undefined {
  const textEnd = wrapped.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', user, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(AAD);
  decipher.setAuthTag(wrapped.subarray(textEnd));
  const data = decipher.update(wrapped.subarray(0, textEnd));
  try {
    decipher.final();
  } catch {
    // It was wrapped by another key; the caller tries the next one and then says so.
    return undefined;
  }
  return data;
}

function checkLength(key: Uint8Array): void {
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return;
  throw new HostError({
    code: 'host/invalid-option',
    message: `A storage key has ${KEY_BYTES} bytes; this one has ${key.length}. Make one of random bytes, not of a password.`,
    details: { bytes: key.length },
  });
}
