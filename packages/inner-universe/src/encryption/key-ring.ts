/*
 * The data keys of an application. Invariants:
 * - each subject has at most one active key, with which its data is sealed; retired ones still open what they sealed;
 * - a key is in use only after the store has it: nothing is sealed that could not be opened after a crash;
 * - an erased key is gone from the store and from here when `erase` resolves, and its id never comes again;
 * - neither keys nor wrapped keys are ever shown: `toJSON`, messages and details have ids and counts.
 */
import { systemRandom, type Random } from '@inner-universe/nerv';
import { canonicalJson } from '@inner-universe/nerv/values';
import { importAesKey, KEY_BYTES, type AesKey } from './aes-gcm.ts';
import { EncryptionError } from './encryption-error.ts';
import { checkStoredKeys, type KeyStore, type StoredKey, type StoredKeys } from './key-store.ts';
import type { KeyWrapper } from './key-wrapper.ts';

/** What a ring is made of. */
export interface KeyRingOptions {
  readonly store: KeyStore;
  readonly wrapper: KeyWrapper;
  readonly random?: Random | undefined;
}

/** Whether what a key sealed can be opened here. */
export type KeyStatus = 'available' | 'erased' | 'unknown';

/** A data key ready for use. */
export interface DataKey {
  readonly kid: string;
  readonly subject: string;
  readonly key: AesKey;
}

type LiveKey = Exclude<StoredKey, { readonly state: 'erased' }>;

const KID_BYTES = 16;
/** How often a change is made anew because another process changed the store. */
const SAVES_MAX = 16;
/** Unwrapped keys held here; the least recently used are unwrapped again when needed. */
const UNWRAPPED_MAX = 10_000;
/** Ids that the store was asked for in vain, and is not asked for again before `refresh`. */
const MISSED_MAX = 10_000;

/** Data keys by id, one active per subject, each wrapped under a key-encryption key. Use `openKeyRing`. */
export class KeyRing {
  readonly #store: KeyStore;
  readonly #wrapper: KeyWrapper;
  readonly #random: Random;
  readonly #unwrapped = new Map<string, Promise<DataKey>>();
  readonly #missed = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #revision = 0;
  #keys = new Map<string, StoredKey>();
  #active = new Map<string, LiveKey>();
  #line: Promise<unknown> = Promise.resolve();

  constructor(options: KeyRingOptions) {
    this.#store = options.store;
    this.#wrapper = options.wrapper;
    this.#random = options.random ?? systemRandom;
  }

  /** Whether what was sealed with this key can be opened, as far as known here. */
  statusOf(kid: string): KeyStatus {
    const key = this.#keys.get(kid);
    return key === undefined ? 'unknown' : key.state === 'erased' ? 'erased' : 'available';
  }

  /** The ids of a subject's keys, the active one last. */
  keysOf(subject: string): readonly string[] {
    const own = [...this.#keys.values()].filter((key) => key.state !== 'erased' && key.subject === subject);
    return own.sort((a, b) => Number(a.state === 'active') - Number(b.state === 'active')).map(({ kid }) => kid);
  }

  /** The key that seals a subject's data, made and stored where there is none yet. */
  async keyFor(subject: string): Promise<DataKey> {
    const active = this.#active.get(subject) ?? (await this.#inOrder(() => this.#ensureActive(subject)));
    return this.#unwrap(active);
  }

  /** The key of this id; undefined when it is erased or unknown. The store is asked once for an id that is not here. */
  async find(kid: string): Promise<DataKey | undefined> {
    if (!this.#keys.has(kid) && !this.#missed.has(kid)) {
      await this.#inOrder(async () => {
        if (!this.#keys.has(kid) && !this.#missed.has(kid)) await this.#load();
      });
      if (!this.#keys.has(kid)) remember(this.#missed, kid);
    }
    const key = this.#keys.get(kid);
    return key === undefined || key.state === 'erased' ? undefined : this.#unwrap(key);
  }

  /** Gives a subject a new key; what was sealed before keeps its own. Gives the new key's id. */
  async rotate(subject = ''): Promise<string> {
    const made = await this.#inOrder(() =>
      this.#change(async (keys) => {
        const retired = keys.map((key) => (isActiveOf(key, subject) ? { ...key, state: 'retired' as const } : key));
        return [...retired, await this.#make(subject)];
      }),
    );
    const kid = made.at(-1)?.kid;
    if (kid === undefined) throw new RangeError('a changed ring has the key that was added');
    return kid;
  }

  /**
   * Wraps all data keys under the wrapper's active key-encryption key; data is not touched. Gives how many were
   * wrapped anew. Afterwards older key-encryption keys are not needed.
   */
  async rewrap(): Promise<number> {
    let count = 0;
    await this.#inOrder(() =>
      this.#change(async (keys) => {
        const rewrapped = await Promise.all(keys.map((key) => this.#rewrapped(key)));
        count = rewrapped.filter((key, index) => key !== keys[index]).length;
        return count === 0 ? keys : rewrapped;
      }),
    );
    return count;
  }

  /**
   * Erases every key of a subject: whatever they sealed can never be opened again, here or, once they refresh, in other
   * processes. What is recorded stays as it is and still verifies. Gives how many were erased.
   */
  async erase(subject: string): Promise<number> {
    const erased = new Set<string>();
    await this.#inOrder(() =>
      this.#change(async (keys) => {
        erased.clear();
        const left = keys.map((key): StoredKey => {
          if (key.state === 'erased' || key.subject !== subject) return key;
          erased.add(key.kid);
          return { kid: key.kid, state: 'erased' };
        });
        return erased.size === 0 ? keys : left;
      }),
    );
    return erased.size;
  }

  /** Reads the store again: keys that other processes made or erased. */
  async refresh(): Promise<void> {
    await this.#inOrder(async () => {
      await this.#load();
      this.#missed.clear();
    });
  }

  /** Calls back when what can be opened may have changed. The result ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Counts only. */
  toJSON(): object {
    const states = [...this.#keys.values()].map(({ state }) => state);
    const erased = states.filter((state) => state === 'erased').length;
    return { keys: states.length - erased, erased, revision: this.#revision };
  }

  async #ensureActive(subject: string): Promise<LiveKey> {
    const here = this.#active.get(subject);
    if (here !== undefined) return here;
    await this.#change(async (keys) =>
      keys.some((key) => isActiveOf(key, subject)) ? keys : [...keys, await this.#make(subject)],
    );
    const made = this.#active.get(subject);
    if (made === undefined) throw new RangeError('a subject that was given a key has one');
    return made;
  }

  async #make(subject: string): Promise<LiveKey> {
    const kid = hexOf(this.#randomBytes(KID_BYTES));
    const bytes = this.#randomBytes(KEY_BYTES);
    try {
      return { kid, state: 'active', subject, wrapped: await this.#wrapper.wrap(bytes, contextOf(kid, subject)) };
    } finally {
      bytes.fill(0);
    }
  }

  async #rewrapped(key: StoredKey): Promise<StoredKey> {
    if (key.state === 'erased' || key.wrapped.by === this.#wrapper.active) return key;
    const context = contextOf(key.kid, key.subject);
    const bytes = await this.#wrapper.unwrap(key.wrapped, context);
    try {
      return { ...key, wrapped: await this.#wrapper.wrap(bytes, context) };
    } finally {
      bytes.fill(0);
    }
  }

  #unwrap(key: LiveKey): Promise<DataKey> {
    const { kid } = key;
    const unwrapping = this.#unwrapped.get(kid) ?? this.#import(key);
    this.#unwrapped.delete(kid);
    this.#unwrapped.set(kid, unwrapping);
    for (const oldest of this.#unwrapped.keys()) {
      if (this.#unwrapped.size <= UNWRAPPED_MAX) break;
      this.#unwrapped.delete(oldest);
    }
    return unwrapping;
  }

  #import(key: LiveKey): Promise<DataKey> {
    const { kid, subject } = key;
    const importing = (async () => {
      const bytes = await this.#wrapper.unwrap(key.wrapped, contextOf(kid, subject));
      try {
        return { kid, subject, key: await importAesKey(bytes) };
      } finally {
        bytes.fill(0);
      }
    })();
    // What failed is tried again by the next who needs it.
    importing.catch(() => this.#unwrapped.delete(kid));
    return importing;
  }

  /** Changes what the store has, from what it has now. A change that gives its argument back saves nothing. */
  async #change(change: (keys: readonly StoredKey[]) => Promise<readonly StoredKey[]>): Promise<readonly StoredKey[]> {
    for (let attempt = 0; attempt < SAVES_MAX; attempt += 1) {
      const { revision, keys } = await this.#load();
      const changed = await change(keys);
      if (changed === keys) return keys;
      const next: StoredKeys = { format: 1, revision: revision + 1, keys: changed };
      if (!(await this.#store.save(next))) continue;
      this.#adopt(next);
      return changed;
    }
    throw new EncryptionError(
      'encryption/key-store-busy',
      `The key store was changed by others ${SAVES_MAX} times in a row. Try again.`,
      { retryable: true },
    );
  }

  async #load(): Promise<StoredKeys> {
    const stored = checkStoredKeys(await this.#store.load());
    if (stored.revision !== this.#revision) this.#adopt(stored);
    return stored;
  }

  #adopt({ revision, keys }: StoredKeys): void {
    const before = this.#keys;
    this.#revision = revision;
    this.#keys = new Map(keys.map((key) => [key.kid, key]));
    this.#active = new Map(keys.flatMap((key) => (key.state === 'active' ? [[key.subject, key]] : [])));
    for (const kid of [...this.#unwrapped.keys()]) if (this.statusOf(kid) !== 'available') this.#unwrapped.delete(kid);
    const isLost = ({ kid, state }: StoredKey): boolean => state !== 'erased' && this.statusOf(kid) !== 'available';
    // Keys that nobody asked for before change nothing that was read.
    const found = [...this.#missed].filter((kid) => this.#keys.has(kid));
    for (const kid of found) this.#missed.delete(kid);
    if (found.length === 0 && ![...before.values()].some(isLost)) return;
    for (const listener of [...this.#listeners]) listener();
  }

  #randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    this.#random.fill(bytes);
    return bytes;
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#line.then(work, work);
    this.#line = result.catch(() => undefined);
    return result;
  }
}

/** A ring over what the store has. @throws {EncryptionError} `encryption/invalid-keys`; what the store throws */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  // Programs without types may give anything, and would hear of it only when something is to be sealed.
  for (const [name, method] of [
    ['store', 'load'],
    ['wrapper', 'wrap'],
  ] as const) {
    if (typeof Reflect.get(Object(options?.[name]), method) === 'function') continue;
    throw new EncryptionError(
      'encryption/invalid-keys',
      `openKeyRing takes a ${name}, ${name === 'store' ? 'such as a FileKeyStore' : 'made by makeKeyWrapper()'}.`,
      { details: { option: name } },
    );
  }
  const ring = new KeyRing(options);
  await ring.refresh();
  return ring;
}

function isActiveOf(key: StoredKey, subject: string): key is LiveKey {
  return key.state === 'active' && key.subject === subject;
}

/** What a wrapped key is bound to, so that keys cannot be exchanged in the store. */
function contextOf(kid: string, subject: string): string {
  return canonicalJson(['inner-universe/data-key/1', kid, subject]);
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  for (const oldest of ids) {
    if (ids.size <= MISSED_MAX) return;
    ids.delete(oldest);
  }
}
