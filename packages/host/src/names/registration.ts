import type { LogStore } from '../logs/log-store.ts';
import type { NameRegistry } from './name-registry.ts';

/** What a host keeps of one database beside its data, wherever and whatever it runs. */
export class Registration {
  /** The host's own name for the database, which never changes: see `NameRegistry`. */
  readonly key: string;
  /** Where its module and the host log. Stays open when the database closes to be opened again. */
  readonly logStore: LogStore;
  readonly #registry: NameRegistry;

  constructor(key: string, registry: NameRegistry, logStore: LogStore) {
    this.key = key;
    this.logStore = logStore;
    this.#registry = registry;
  }

  /** Every name that leads to the database now, beside its identity. */
  get names(): readonly string[] {
    return this.#registry.entry(this.key).names;
  }

  /** Whether publishing to it, resetting and deleting it are refused. */
  get isLocked(): boolean {
    return this.#registry.entry(this.key).isLocked;
  }
}
