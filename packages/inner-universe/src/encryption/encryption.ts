import type { Random } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import { RefusedError } from '../errors.ts';
import { EncryptionError } from './encryption-error.ts';
import { EventSealer } from './event-sealer.ts';
import { FieldCipher } from './field-cipher.ts';
import { FieldPolicies, makeEventMatcher, type FieldPolicyMap } from './field-policies.ts';
import { GraphSealer } from './graph-sealer.ts';
import { KeyRing } from './key-ring.ts';
import { Sealer } from './sealer.ts';
import { StateSealer } from './state-sealer.ts';

/** A field of a store's state; `path` are the keys that lead to it. */
export interface StateField {
  readonly store: string;
  readonly path: readonly string[];
}

/** An entity or relation whose properties are sealed. */
export interface GraphField {
  readonly id: string;
  readonly type: string;
}

/** An event whose data is sealed, as it is published. */
export interface EventField {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/**
 * What is encrypted before it leaves this process, and with which keys. `states` is by the names of stores, `entities`
 * and `relations` by type, in both of which `*` stands for any characters; `events` by patterns of subscriptions.
 */
export interface EncryptionOptions {
  readonly keyRing: KeyRing;
  readonly states?: FieldPolicyMap<StateField> | undefined;
  readonly entities?: FieldPolicyMap<GraphField> | undefined;
  readonly relations?: FieldPolicyMap<GraphField> | undefined;
  readonly events?: FieldPolicyMap<EventField> | undefined;
  readonly random?: Random | undefined;
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof EncryptionOptions>([
  'keyRing',
  'states',
  'entities',
  'relations',
  'events',
  'random',
]);

/** What configuration is read with. */
type ConfigurationReader = Pick<ModuleClient, 'read'>;

/** The encryption of one universe: what its adapters seal and open with. */
export class Encryption {
  readonly events: EventSealer;
  readonly graph: GraphSealer;
  readonly #keyRing: KeyRing;
  readonly #cipher: FieldCipher;
  readonly #states: FieldPolicies<StateField>;

  /** @throws {EncryptionError} `encryption/invalid-policy` */
  constructor(options: EncryptionOptions, onError: (error: unknown) => void) {
    // Programs without types may give anything.
    if (!(options.keyRing instanceof KeyRing)) {
      throw new EncryptionError('encryption/invalid-policy', 'encryption takes a keyRing, made by openKeyRing().');
    }
    const unknown = Object.keys(options).find((name) => !OPTION_NAMES.has(name));
    if (unknown !== undefined) {
      throw new EncryptionError(
        'encryption/invalid-policy',
        `encryption has no '${unknown}': it takes ${[...OPTION_NAMES].join(', ')}. Nothing was opened, because what a mistyped policy names would go out in clear.`,
        { details: { name: unknown } },
      );
    }
    this.#keyRing = options.keyRing;
    this.#cipher = new FieldCipher(new Sealer(options.keyRing, options.random), onError);
    this.#states = new FieldPolicies(options.states);
    this.events = new EventSealer(this.#cipher, new FieldPolicies(options.events, makeEventMatcher));
    this.graph = new GraphSealer(this.#cipher, {
      entity: new FieldPolicies(options.entities),
      relation: new FieldPolicies(options.relations),
    });
  }

  /** What seals and opens the states of a store; undefined when nothing of it is sealed. */
  stateSealer(store: string): StateSealer | undefined {
    const fields = this.#states.fieldsOf(store);
    if (fields.isEmpty) return undefined;
    const subjectOf = (keys: readonly string[]): string => {
      return this.#states.subjectOf(store, keys, { store, path: keys.map(userKey) });
    };
    return new StateSealer({ cipher: this.#cipher, store, fields, subjectOf });
  }

  /** Refuses a setting by which sealed properties would be indexed. @throws {EncryptionError} `encryption/not-indexable` */
  checkSetting(key: string, value: string | undefined): void {
    if (key !== 'indexes' || value === undefined) return;
    const indexes = tryParseIndexes(value);
    // What has no such form, the module refuses.
    if (indexes !== undefined) this.graph.checkIndexes(indexes);
  }

  /** As `checkSetting`, for what the universe is configured to. Whoever may not read that is not in charge of it. */
  async checkConfigured(client: ConfigurationReader): Promise<void> {
    if (this.graph.isEmpty) return;
    try {
      const { settings } = await client.read('readConfiguration', {});
      for (const { key, value } of settings) this.checkSetting(key, value);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code !== 'permission/denied') throw error;
    }
  }

  /** Calls back when keys were erased, or some came that had been missed. The result ends it. */
  onKeysChanged(listener: () => void): () => void {
    return this.#keyRing.onChange(listener);
  }
}

function tryParseIndexes(text: string): Readonly<Record<string, readonly string[]>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value).filter(([, keys]) => Array.isArray(keys) && keys.every(isText));
  return Object.fromEntries(entries);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** The user's key for one of the encoded form. */
function userKey(key: string): string {
  return key.startsWith('$$') ? key.slice(1) : key;
}
