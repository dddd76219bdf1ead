// Conditions as a user writes them, compiled to a predicate over rows.

import { NervError } from '../errors.ts';
import { isPlainObject } from '../values/encode.ts';
import { parsePointer } from '../values/pointer.ts';
import type { Entity } from './entity.ts';
import type { Condition } from './graph-query.ts';
import { propertyAt, sameValue, tryCompare, valueKey } from './property-value.ts';

/** Whether a row, or a value, is wanted. */
export type Predicate<T> = (candidate: T) => boolean;

const ENTITY_FIELDS: ReadonlySet<string> = new Set(
  'id type name description createdAt updatedAt validFrom validTo'.split(' '),
);
const RELATION_FIELDS: ReadonlySet<string> = new Set(['from', 'to', 'strength', 'bidirectional']);
const OPERATORS: ReadonlySet<string> = new Set([
  'equals',
  'notEquals',
  'gt',
  'gte',
  'lt',
  'lte',
  'contains',
  'startsWith',
  'endsWith',
  'in',
  'notIn',
  'exists',
]);
const MAX_DEPTH = 32;

/** Which kind of rows conditions and orders are about. */
export type Subject = 'entity' | 'relation';

/**
 * Makes a predicate of a `where`.
 * @throws NervError `graph/invalid-query` with `details.path`
 */
export function compileWhere(where: unknown, subject: Subject, path: string = 'where'): Predicate<Entity> {
  if (path.split('.').length > MAX_DEPTH) throw invalidQuery(path, `nests more than ${MAX_DEPTH} deep`);
  const conditions: Predicate<Entity>[] = [];
  for (const [key, given] of entriesOf(where, path)) {
    if (given !== undefined) conditions.push(compileKey(key, given, { subject, path: `${path}.${key}` }));
  }
  return all(conditions);
}

/** How to get at a field. @throws NervError `graph/invalid-query` */
export function fieldGetter(field: string, subject: Subject, path: string): (row: Entity) => unknown {
  if (ENTITY_FIELDS.has(field) || (subject === 'relation' && RELATION_FIELDS.has(field))) {
    // The row has the field: it is of the list above.
    return (row) => (row as unknown as Readonly<Record<string, unknown>>)[field];
  }
  throw invalidQuery(path, `names no field of an ${subject}; a property goes under 'properties'`);
}

/** How to get at a property, given its key or a JSON pointer. */
export function propertyGetter(key: string, path: string): (row: Entity) => unknown {
  const segments = propertyPath(key, path);
  return (row) => propertyAt(row.properties, segments);
}

/** Whether `given` is the plain value that it must equal, not a condition of operators. */
export function isPlainValue(given: unknown): boolean {
  return typeof given !== 'object' || given === null || !isPlainObject(given);
}

/** An error about a query; `path` says where. */
export function invalidQuery(path: string, what: string): NervError {
  return new NervError('graph/invalid-query', `The query cannot be run: '${path}' ${what}.`, { details: { path } });
}

interface Place {
  readonly subject: Subject;
  readonly path: string;
}

function compileKey(key: string, given: unknown, { subject, path }: Place): Predicate<Entity> {
  switch (key) {
    case 'and':
      return all(compileList(given, { subject, path }));
    case 'or': {
      const branches = compileList(given, { subject, path });
      return (row) => branches.some((branch) => branch(row));
    }
    case 'not': {
      const unwanted = compileWhere(given, subject, path);
      return (row) => !unwanted(row);
    }
    case 'tags': {
      const wanted = compileCondition(given, path);
      return (row) => wanted(row.tags);
    }
    case 'properties':
      return all(
        entriesOf(given, path)
          .filter(([, condition]) => condition !== undefined)
          .map(([property, condition]) => {
            const get = propertyGetter(property, `${path}.${property}`);
            const wanted = compileCondition(condition, `${path}.${property}`);
            return (row) => wanted(get(row));
          }),
      );
    default: {
      const get = fieldGetter(key, subject, path);
      const wanted = compileCondition(given, path);
      return (row) => wanted(get(row));
    }
  }
}

function compileList(given: unknown, { subject, path }: Place): Predicate<Entity>[] {
  if (!Array.isArray(given)) throw invalidQuery(path, 'is not an array of conditions');
  return given.map((branch: unknown, place) => compileWhere(branch, subject, `${path}.${place}`));
}

function compileCondition(given: unknown, path: string): Predicate<unknown> {
  if (isPlainValue(given)) return equals(given);
  const operators = entriesOf(given, path).filter(([, operand]) => operand !== undefined);
  return all(
    operators.map(([operator, operand]) => {
      if (!OPERATORS.has(operator)) {
        throw invalidQuery(`${path}.${operator}`, `is no operator; for an object as a value use 'equals'`);
      }
      // The operator is one of the list, which has the keys of a condition.
      return compileOperator(operator as keyof Condition, operand, `${path}.${operator}`);
    }),
  );
}

function compileOperator(operator: keyof Condition, operand: unknown, path: string): Predicate<unknown> {
  switch (operator) {
    case 'equals':
      return equals(operand);
    case 'notEquals':
      return not(equals(operand));
    case 'gt':
      return compares(operand, (order) => order > 0);
    case 'gte':
      return compares(operand, (order) => order >= 0);
    case 'lt':
      return compares(operand, (order) => order < 0);
    case 'lte':
      return compares(operand, (order) => order <= 0);
    case 'contains':
      return contains(operand);
    case 'startsWith':
      return ofText(operand, path, (text, part) => text.startsWith(part));
    case 'endsWith':
      return ofText(operand, path, (text, part) => text.endsWith(part));
    case 'in':
      return isIn(operand, path);
    case 'notIn':
      return not(isIn(operand, path));
    case 'exists':
      return operand === true ? (value) => value !== undefined : (value) => value === undefined;
  }
}

function equals(operand: unknown): Predicate<unknown> {
  if (Number.isNaN(operand)) return Number.isNaN;
  // Only objects can be the same without being equal.
  if (typeof operand !== 'object' || operand === null) return (value) => value === operand;
  const key = valueKey(operand);
  return (value) => value === operand || (typeof value === 'object' && valueKey(value) === key);
}

function isIn(operand: unknown, path: string): Predicate<unknown> {
  if (!Array.isArray(operand)) throw invalidQuery(path, 'is not an array of values');
  const keys = new Set(operand.map(valueKey));
  return (value) => keys.has(valueKey(value));
}

function compares(operand: unknown, wanted: (order: number) => boolean): Predicate<unknown> {
  return (value) => {
    const order = tryCompare(value, operand);
    return order !== undefined && wanted(order);
  };
}

function contains(operand: unknown): Predicate<unknown> {
  return (value) => {
    if (typeof value === 'string') return typeof operand === 'string' && value.includes(operand);
    return Array.isArray(value) && value.some((element) => sameValue(element, operand));
  };
}

function ofText(operand: unknown, path: string, fits: (text: string, part: string) => boolean): Predicate<unknown> {
  if (typeof operand !== 'string') throw invalidQuery(path, 'is not a string');
  return (value) => typeof value === 'string' && fits(value, operand);
}

function all<T>(conditions: readonly Predicate<T>[]): Predicate<T> {
  const [only] = conditions;
  if (only === undefined) return () => true;
  if (conditions.length === 1) return only;
  return (candidate) => conditions.every((condition) => condition(candidate));
}

function not<T>(condition: Predicate<T>): Predicate<T> {
  return (candidate) => !condition(candidate);
}

function entriesOf(given: unknown, path: string): readonly (readonly [string, unknown])[] {
  if (typeof given !== 'object' || given === null || !isPlainObject(given))
    throw invalidQuery(path, 'is not an object');
  return Object.entries(given);
}

function propertyPath(key: string, path: string): readonly string[] {
  if (!key.startsWith('/')) return [key];
  if (/~(?![01])/.test(key)) throw invalidQuery(path, `is no JSON pointer: '~' is written '~0', and '/' is '~1'`);
  return parsePointer(key);
}
