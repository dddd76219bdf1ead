import type { ConfigProblem, FieldNaming } from './config-problems.ts';
import { tryFindNearest } from './nearest-name.ts';

/** Texts by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = 'INNER_UNIVERSE_';

/** How a variable becomes a field. A text that cannot is left as it is, for the field's own check to refuse. */
type ReadText = (text: string) => unknown;

const asText: ReadText = (text) => text;
const asNumber: ReadText = (text) => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : text);
const asFlag: ReadText = (text) =>
  text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;

/** The variables, the field each stands for, and how it is read. */
const VARIABLES: Readonly<Record<string, { readonly field: string; readonly read: ReadText }>> = {
  [`${PREFIX}DATA`]: { field: 'data', read: asText },
  [`${PREFIX}MEMORY`]: { field: 'memory', read: (text) => asFlag(text) || undefined },
  [`${PREFIX}SERVER`]: { field: 'server', read: asText },
  [`${PREFIX}DATABASE`]: { field: 'database', read: asText },
  [`${PREFIX}TOKEN`]: { field: 'token', read: asText },
  [`${PREFIX}TOKEN_FILE`]: { field: 'tokenFile', read: asText },
  [`${PREFIX}CA_FILE`]: { field: 'tls', read: (text) => ({ caFile: text }) },
  [`${PREFIX}STORAGE_KEY_FILE`]: { field: 'storageKey', read: (text) => ({ keyFile: text }) },
  [`${PREFIX}SOURCE`]: { field: 'source', read: asText },
  [`${PREFIX}ISOLATION`]: { field: 'isolation', read: asText },
  [`${PREFIX}MIGRATE`]: { field: 'migrate', read: asText },
  [`${PREFIX}RECONNECT_FOR_MS`]: {
    field: 'reconnectForMs',
    read: (text) => (text === 'forever' ? Number.POSITIVE_INFINITY : asNumber(text)),
  },
  [`${PREFIX}CONNECT_TIMEOUT_MS`]: { field: 'connectTimeoutMs', read: asNumber },
  [`${PREFIX}POOL_CONNECTIONS`]: {
    field: 'pool',
    read: (text) => (text === '0' ? undefined : { connections: asNumber(text) }),
  },
  [`${PREFIX}BREAKER`]: { field: 'breaker', read: asFlag },
  [`${PREFIX}OFFLINE`]: { field: 'offline', read: asText },
  [`${PREFIX}OUTBOX`]: { field: 'outbox', read: asText },
};

/** What an environment says: options, and what is wrong with the names of its variables. An empty text says nothing. */
export interface EnvironmentOptions {
  readonly options: Readonly<Record<string, unknown>>;
  readonly problems: readonly ConfigProblem[];
}

/** Reads the variables of Inner Universe; others are nobody's business here, but for those that look like a slip. */
export function readEnvironment(environment: Environment): EnvironmentOptions {
  const options: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith(PREFIX) || text === undefined || text.trim() === '') continue;
    const variable = VARIABLES[name];
    const value = variable?.read(text.trim());
    if (variable !== undefined && value !== undefined) options[variable.field] = value;
    if (variable !== undefined) continue;
    const nearest = tryFindNearest(name.slice(PREFIX.length), NAMES);
    if (nearest !== undefined)
      problems.push({ field: name, fault: `is not a variable: was '${PREFIX}${nearest}' meant?` });
  }
  return { options, problems };
}

/** The variable that a field is written as. */
export const variableOf: FieldNaming = (field) =>
  Object.keys(VARIABLES).find((name) => VARIABLES[name]?.field === field) ?? field;

const NAMES: readonly string[] = Object.keys(VARIABLES).map((name) => name.slice(PREFIX.length));
