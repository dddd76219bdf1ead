/*
 * What writes of the graph are given, checked before anything of it is shown or sent: what is mistyped would be left
 * out in silence, and what is of a wrong type would be sent as something else.
 */
import { idFault, NervError, type NervErrorCode } from '@inner-universe/nerv';
import { isWellFormed } from '../controller/check-options.ts';
import { tryFindNearest } from '../controller/nearest-name.ts';

type Subject = 'entity' | 'relation';

/** What is wrong with a value, as the rest of the sentence "its name …"; undefined if nothing is. */
type Form = (value: unknown) => string | undefined;
type Fields = Readonly<Record<string, Form>>;

const ignored: Form = () => undefined;

const ROW: Fields = {
  name: text,
  description: text,
  tags: texts,
  properties: ignored,
  validFrom: ignored,
  validTo: ignored,
};
/** A row that was read may be given back whole: what it has besides is not looked at. */
const READ: Fields = { type: ignored, updatedAt: ignored, seq: ignored, pending: ignored };
const INPUT: Fields = { ...ROW, ...READ, id: idFault, createdAt: ignored };
const PATCH: Fields = {
  ...ROW,
  ...READ,
  id: ignored,
  createdAt: ignored,
  removeProperties: texts,
  clearValidity: flag,
};
const TIE: Fields = { strength: number, bidirectional: flag };

const FIELDS = {
  entity: { input: INPUT, patch: PATCH },
  relation: {
    input: { ...INPUT, ...TIE, from: ignored, to: ignored },
    patch: { ...PATCH, ...TIE, from: ignored, to: ignored },
  },
} as const satisfies Readonly<Record<Subject, Readonly<Record<'input' | 'patch', Fields>>>>;

/**
 * Checks what something is made of.
 * @throws {NervError} `graph/invalid-argument` for a field that is none; `entity/invalid`, `relation/invalid`,
 * `value/unsupported` for what it holds
 */
export function checkInput(subject: Subject, type: unknown, input: unknown): void {
  const fault = text(type);
  if (fault !== undefined) throw invalid(`${subject}/invalid`, `The type of the ${subject} ${fault}.`, 'type');
  checkFields(subject, 'input', input);
  if (subject === 'entity') return;
  for (const end of ['from', 'to']) checkEnd(end, Reflect.get(input as object, end)); // checked: it is an object
}

/** Checks what something is changed to. @throws as `checkInput` */
export function checkPatch(subject: Subject, reference: unknown, patch: unknown): void {
  checkReference(subject, reference);
  checkFields(subject, 'patch', patch);
}

/** Refuses an id that none can have. What is no reference at all is refused by who takes it. @throws `entity/invalid`, `relation/invalid` */
export function checkReference(subject: Subject, reference: unknown): void {
  const id: unknown = typeof reference === 'string' ? reference : Reflect.get(Object(reference) as object, 'id');
  if (typeof id !== 'string' || isWellFormed(id)) return;
  throw invalid(`${subject}/invalid`, `The id ${JSON.stringify(id)} has half a surrogate pair.`, 'id');
}

function checkEnd(end: string, reference: unknown): void {
  const id: unknown = typeof reference === 'string' ? reference : Reflect.get(Object(reference) as object, 'id');
  if (typeof id === 'string' && isWellFormed(id)) return;
  throw invalid(
    typeof id === 'string' ? 'relation/invalid' : 'graph/invalid-argument',
    `The relation cannot be written: '${end}' is ${show(reference)}; it must be an entity, or its id.`,
    end,
  );
}

function checkFields(subject: Subject, what: 'input' | 'patch', given: unknown): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const message = `The ${subject} cannot be written: its ${what} is ${show(given)}; it must be an object.`;
    throw invalid('graph/invalid-argument', message, what);
  }
  const fields: Fields = FIELDS[subject][what];
  for (const [name, value] of Object.entries(given)) {
    const form = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (form === undefined) throw makeUnknown(subject, name, Object.keys(fields));
    const fault = value === undefined ? undefined : form(value);
    if (fault !== undefined) {
      throw invalid(`${subject}/invalid`, `The ${subject} cannot be written: its ${name} ${fault}.`, name);
    }
    if (name === 'properties' && value !== undefined) checkProperties(subject, value);
  }
}

function checkProperties(subject: Subject, properties: unknown): void {
  if (typeof properties === 'object' && properties !== null) {
    const prototype: unknown = Object.getPrototypeOf(properties);
    if (prototype === Object.prototype || prototype === null) return;
  }
  const message = `The ${subject} cannot be written: its properties are ${show(properties)}, not a plain object.`;
  throw invalid('value/unsupported', message, 'properties');
}

function makeUnknown(subject: Subject, name: string, known: readonly string[]): NervError {
  const meant = tryFindNearest(name, known);
  const advice = meant === undefined ? `It takes ${known.join(', ')}.` : `Did you mean '${meant}'?`;
  return invalid('graph/invalid-argument', `A write of the ${subject} has no field '${name}'. ${advice}`, name);
}

function text(value: unknown): string | undefined {
  if (typeof value !== 'string') return `is ${show(value)}, not a text`;
  return isWellFormed(value) ? undefined : 'has half a surrogate pair';
}

function texts(value: unknown): string | undefined {
  if (!Array.isArray(value)) return `are ${show(value)}, not a list`;
  return value.every((one) => text(one) === undefined) ? undefined : 'are not all texts without halves of pairs';
}

function flag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `is ${show(value)}, not true or false`;
}

function number(value: unknown): string | undefined {
  return Number.isFinite(value) ? undefined : `is ${show(value)}, not a finite number`;
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function invalid(code: NervErrorCode, message: string, field: string): NervError {
  return new NervError(code, `${message} Nothing was written.`, { details: { field } });
}
