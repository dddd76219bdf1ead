import type { EntityPatch, Properties } from '@inner-universe/nerv';
import type { StateMigrator } from './define-migrations.ts';

/**
 * A migrator of entities or relations that gives properties to rows which lack them; a row that has them all stays as it
 * is. A property that may be absent needs no migration.
 */
export function addDefaults(
  defaults: Properties,
): (row: { readonly properties: Properties }) => EntityPatch | undefined {
  return ({ properties }) => {
    const missing = Object.entries(defaults).filter(([name]) => !Object.hasOwn(properties, name));
    return missing.length === 0 ? undefined : { properties: Object.fromEntries(missing) };
  };
}

/** As `addDefaults`, for the keys of states that are objects. */
export function addStateDefaults(defaults: Properties): StateMigrator {
  return (state) => {
    if (typeof state !== 'object' || state === null || Array.isArray(state)) {
      throw new TypeError('The state is no object, so that it has no keys that could be given.');
    }
    return { ...defaults, ...state };
  };
}
