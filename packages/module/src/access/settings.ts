import type { Db } from '../schema/database.ts';
import { refuse } from '../refusals/refused.ts';
import type { ConfigurationKey } from '../wire/vocabulary.ts';
import { checkValidSettings } from './setting-forms.ts';

/** The key of the row that names the owner; clients cannot set it. */
export const OWNER_KEY = 'owner';

/** What the configuration can say, with each key's form. Absent keys have the defaults that `SPEC.md` gives. */
export interface SettingForms {
  /** Writes CLIENT_CONNECTED and CLIENT_DISCONNECTED to the log too. */
  readonly audit_connections: boolean;
  /** Lets identities without a grant connect, with the grants of the role `guest`. */
  readonly guests: boolean;
  /** Per entity or relation type (`*` for the rest): whether its past is kept. */
  readonly history: Readonly<Record<string, 'full' | 'none'>>;
  /** Per entity or relation type (`*` for all): the top-level properties that can be looked up. */
  readonly indexes: Readonly<Record<string, readonly string[]>>;
  /** Rates for everybody but the owner, and the greatest number of rows of all that requests fill. */
  readonly limits: {
    readonly opsPerSecond?: number;
    readonly bytesPerSecond?: number;
    /** Pages a second, and what they hold; the rates of writing where they are not given. */
    readonly readsPerSecond?: number;
    readonly readBytesPerSecond?: number;
    readonly burstSeconds?: number;
    readonly rows?: number;
  };
  /**
   * How long or how much of the log to keep, which is the archive's business; and how long the past of the graph, which
   * maintenance prunes.
   */
  readonly retention: {
    readonly maxAgeSeconds?: number;
    readonly maxEvents?: number;
    readonly historyMaxAgeSeconds?: number;
  };
  /** Issuers whose `roles` claim (or the claim named) counts, each for one audience. */
  readonly trusted_issuers: readonly { readonly issuer: string; readonly audience: string; readonly claim?: string }[];
}

const DEFAULTS: SettingForms = {
  audit_connections: false,
  guests: false,
  history: {},
  indexes: {},
  limits: {},
  retention: {},
  trusted_issuers: [],
};

/** The configuration as one transaction sees it; each key is read at most once. */
export class Settings {
  readonly #db: Db;
  readonly #read = new Map<string, unknown>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** The value of a key, or its default. */
  get<K extends ConfigurationKey>(key: K): SettingForms[K] {
    if (!this.#read.has(key)) {
      const row = this.#db.config.key.find(key);
      this.#read.set(key, row === null ? DEFAULTS[key] : (JSON.parse(row.value) as unknown));
    }
    // Only values of the key's form are ever stored: `checkSetting` stands before every write.
    return this.#read.get(key) as SettingForms[K];
  }

  /** Forgets a key that this transaction changes. */
  forget(key: ConfigurationKey): void {
    this.#read.delete(key);
  }
}

/** What a setting says of a type; types may be called as anything that objects inherit, such as `constructor`. */
export function settingOf<T>(setting: Readonly<Record<string, T>>, type: string): T | undefined {
  return Object.hasOwn(setting, type) ? setting[type] : undefined;
}

/** Checks a setting's text against its key's form and gives it back. */
export function checkSetting(key: ConfigurationKey, text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse('value/malformed', `The value of ${key} is not JSON.`, { ids: [key] });
  }
  const fault = checkValidSettings(key, value);
  if (fault !== undefined) refuse('value/malformed', `The value of ${key} ${fault}.`, { ids: [key] });
  return text;
}
