import { BYTES_SOURCE } from './polyfills/bytes.ts';
import { DISPOSAL_SOURCE } from './polyfills/disposal.ts';
import { ITERATORS_SOURCE } from './polyfills/iterators.ts';
import { SETS_SOURCE } from './polyfills/sets.ts';
import { SMALLER_SOURCE } from './polyfills/smaller.ts';

/**
 * Script that gives a module's realm the language features which SpacetimeDB's engine has and some Node lacks. It runs
 * in the realm, before the module, and never touches the host's own globals. What is there already is left alone. Not
 * supplied, because it takes an engine that has it: `Float16Array`, `Temporal`, `Intl.DurationFormat`, `JSON.rawJSON`,
 * modifiers in regular expressions.
 */
export const POLYFILLS_SOURCE: string = `'use strict';
(() => {
  const { apply } = Reflect;
  const define = (target, key, value, name) => {
    if (Object.hasOwn(target, key)) return;
    if (name !== undefined) Object.defineProperty(value, 'name', { value: name, configurable: true });
    Object.defineProperty(target, key, { value, writable: true, enumerable: false, configurable: true });
  };
  const defineAll = (target, methods) => {
    for (const name of Object.getOwnPropertyNames(methods)) define(target, name, methods[name]);
  };
  const callable = (value) => {
    if (typeof value !== 'function') throw new TypeError(String(value) + ' is not a function');
    return value;
  };
  ${DISPOSAL_SOURCE}
  ${SETS_SOURCE}
  ${ITERATORS_SOURCE}
  ${BYTES_SOURCE}
  ${SMALLER_SOURCE}

  Object.defineProperty(Math, 'random', {
    get() { throw new TypeError('Math.random is not available in SpacetimeDB modules. Use ctx.random instead.'); },
    enumerable: false,
    configurable: true,
  });
  delete globalThis.console;
})();
`;
