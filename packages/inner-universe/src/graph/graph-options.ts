import { NervPersistenceError } from '../errors.ts';

/** How a graph over the module behaves where a call says nothing. */
export interface GraphOptions {
  /** Where what is created may be read from; default `main`. */
  readonly scope?: string | undefined;
  /** Whether writes are shown before they are confirmed where a call does not say. Default false. */
  readonly optimistic?: boolean | undefined;
  /** The most entities and relations that are held here, all parts together. Default 1,000,000. */
  readonly heldRowsMax?: number | undefined;
  /** The most entities that one walk by pages fetches. Default 10,000. */
  readonly walkEntitiesMax?: number | undefined;
  /** The most rows that one query by pages looks at, whatever its limit is. Default 1,000,000. */
  readonly queryRowsMax?: number | undefined;
  /** The most versions that `history` gives at once. Default 10,000. */
  readonly versionsMax?: number | undefined;
}

/** Options with everything decided. */
export type DecidedGraphOptions = { readonly [K in keyof GraphOptions]-?: NonNullable<GraphOptions[K]> };

const DEFAULTS: DecidedGraphOptions = {
  scope: 'main',
  optimistic: false,
  heldRowsMax: 1_000_000,
  walkEntitiesMax: 10_000,
  queryRowsMax: 1_000_000,
  versionsMax: 10_000,
};

/** Checks options, and decides what they leave open. @throws {NervPersistenceError} `config/invalid` */
export function decideGraphOptions(options: GraphOptions = {}): DecidedGraphOptions {
  const {
    scope = DEFAULTS.scope,
    optimistic = DEFAULTS.optimistic,
    heldRowsMax = DEFAULTS.heldRowsMax,
    walkEntitiesMax = DEFAULTS.walkEntitiesMax,
    queryRowsMax = DEFAULTS.queryRowsMax,
    versionsMax = DEFAULTS.versionsMax,
  } = options;
  check('scope', typeof scope === 'string' && scope !== '', 'a name');
  check('optimistic', typeof optimistic === 'boolean', 'true or false');
  for (const [name, count] of Object.entries({ heldRowsMax, walkEntitiesMax, queryRowsMax, versionsMax })) {
    check(name, Number.isSafeInteger(count) && count >= 1, 'a whole number from 1');
  }
  return { scope, optimistic, heldRowsMax, walkEntitiesMax, queryRowsMax, versionsMax };
}

function check(option: string, isRight: boolean, wanted: string): void {
  if (isRight) return;
  throw new NervPersistenceError('config/invalid', `The option '${option}' of a graph must be ${wanted}.`, {
    details: { option: `graph.${option}` },
  });
}
