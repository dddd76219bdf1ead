import { NervPersistenceError } from '../errors.ts';
import { tryFindNearest } from './nearest-name.ts';

/** What an option takes: its values by name, or a form; undefined is always taken. */
export type OptionForm = readonly unknown[] | keyof typeof FORMS;

/** The options there are: every one is a key. */
export type OptionForms = Readonly<Record<string, OptionForm>>;

/** Forms by name: what is taken, in words, and whether a value is. */
const FORMS = {
  any: { takes: 'anything', is: () => true },
  text: { takes: 'a text', is: (value) => typeof value === 'string' && isWellFormed(value) },
  boolean: { takes: 'true or false', is: (value) => typeof value === 'boolean' },
  /** 0 or more. */
  count: { takes: 'a whole number, 0 or more', is: (value) => Number.isSafeInteger(value) && Number(value) >= 0 },
  /** Milliseconds of waiting. */
  duration: { takes: 'milliseconds, 0 or more', is: (value) => typeof value === 'number' && value >= 0 },
  number: { takes: 'a number', is: (value) => typeof value === 'number' && !Number.isNaN(value) },
  bigint: { takes: 'a bigint', is: (value) => typeof value === 'bigint' },
  date: { takes: 'a valid Date', is: (value) => value instanceof Date && !Number.isNaN(value.getTime()) },
  function: { takes: 'a function', is: (value) => typeof value === 'function' },
  object: { takes: 'an object', is: (value) => typeof value === 'object' && value !== null },
  list: { takes: 'a list', is: (value) => Array.isArray(value) },
  texts: {
    takes: 'a list of texts',
    is: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string' && isWellFormed(one)),
  },
  signal: { takes: 'an AbortSignal', is: isSignal },
} as const satisfies Readonly<Record<string, { readonly takes: string; is(value: unknown): boolean }>>;

/** The options of every call that can be called off. */
export const CALL_OPTION_FORMS = { signal: 'signal', timeoutMs: 'duration' } as const satisfies OptionForms;

/**
 * Refuses options by names that are none, and values that mean nothing: what is mistyped would be left out in silence,
 * for TypeScript does not check what programs without types give. No options, undefined, are taken.
 * @throws {NervPersistenceError} `config/invalid`, with what was probably meant
 */
export function checkOptions(what: string, options: unknown, forms: OptionForms): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw makeInvalid(`The options of ${what} are ${show(options)}; they must be an object`, what);
  }
  for (const name in options) {
    if (!Object.hasOwn(options, name)) continue;
    const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
    if (form === undefined) {
      const meant = tryFindNearest(name, Object.keys(forms));
      const advice = meant === undefined ? `it takes ${Object.keys(forms).join(', ')}` : `did you mean '${meant}'?`;
      throw makeInvalid(`There is no option '${name}' of ${what}: ${advice}`, name);
    }
    const value: unknown = options[name as keyof typeof options];
    if (value !== undefined) checkValue(value, form, what, name);
  }
}

/** Refuses a signal or a time that is none, before anything is begun. @throws {NervPersistenceError} `config/invalid` */
export function checkCallOptions(
  what: string,
  call: { readonly signal?: unknown; readonly timeoutMs?: unknown } | undefined,
): void {
  if (call === undefined) return;
  if (typeof call !== 'object' || call === null) {
    throw makeInvalid(`The options of ${what} are ${show(call)}; they must be an object`, what);
  }
  const { signal, timeoutMs } = call;
  if (signal !== undefined) checkValue(signal, 'signal', what, 'signal');
  if (timeoutMs !== undefined) checkValue(timeoutMs, 'duration', what, 'timeoutMs');
}

function checkValue(value: unknown, form: OptionForm, what: string, name: string): void {
  if (typeof form === 'string') {
    if (FORMS[form].is(value)) return;
    throw makeInvalid(`The option '${name}' of ${what} is ${show(value)}; it takes ${FORMS[form].takes}`, name);
  }
  if (form.includes(value)) return;
  const wanted = form.map((one) => JSON.stringify(one)).join(', ');
  throw makeInvalid(`The option '${name}' of ${what} is ${show(value)}; it takes ${wanted}`, name);
}

/** Signals of other realms, and of libraries that stand in for them, are no instances of the class here. */
function isSignal(value: unknown): boolean {
  const signal = value as Partial<AbortSignal> | null;
  return (
    typeof value === 'object' &&
    typeof signal?.aborted === 'boolean' &&
    typeof signal.addEventListener === 'function' &&
    typeof signal.removeEventListener === 'function' &&
    typeof signal.throwIfAborted === 'function'
  );
}

/** Whether a text has no half of a surrogate pair: such a one has no UTF-8. */
export function isWellFormed(text: string): boolean {
  return nativeIsWellFormed === undefined ? !LONE_SURROGATE.test(text) : nativeIsWellFormed.call(text);
}

/** Where the runtime has it, it costs least by far; the library that is compiled against has no such member yet. */
const nativeIsWellFormed = (String.prototype as { readonly isWellFormed?: (this: string) => boolean }).isWellFormed;

const LONE_SURROGATE = /\p{Surrogate}/u;

function makeInvalid(message: string, field: string): NervPersistenceError {
  const end = message.endsWith('?') ? '' : '.';
  return new NervPersistenceError('config/invalid', `${message}${end} Nothing was done.`, { details: { field } });
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
