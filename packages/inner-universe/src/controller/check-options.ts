import { NervPersistenceError } from '../errors.ts';
import { tryFindNearest } from './nearest-name.ts';

/** What an option takes, where not anything: its values by name. Every option is a key. */
export type OptionForms = Readonly<Record<string, readonly unknown[] | 'any'>>;

/**
 * Refuses options by names that are none, and values that mean nothing: what is mistyped would be left out in silence,
 * for TypeScript does not check what programs without types give.
 * @throws {NervPersistenceError} `config/invalid`, with what was probably meant
 */
export function checkOptions(what: string, options: object, forms: OptionForms): void {
  for (const [name, value] of Object.entries(options) as readonly [string, unknown][]) {
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (form === undefined) {
      const meant = tryFindNearest(name, Object.keys(forms));
      const advice = meant === undefined ? `it takes ${Object.keys(forms).join(', ')}` : `did you mean '${meant}'?`;
      throw makeInvalid(`There is no option '${name}' of ${what}: ${advice}`, name);
    }
    if (form === 'any' || value === undefined || form.includes(value)) continue;
    const wanted = form.map((one) => JSON.stringify(one)).join(', ');
    throw makeInvalid(`The option '${name}' of ${what} is ${show(value)}; it takes ${wanted}`, name);
  }
}

function makeInvalid(message: string, field: string): NervPersistenceError {
  const end = message.endsWith('?') ? '' : '.';
  return new NervPersistenceError('config/invalid', `${message}${end} Nothing was done.`, { details: { field } });
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value);
}
