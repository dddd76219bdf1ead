// Conditions as a user writes them, compiled to a predicate over rows.

import { parsePointer } from '../values/pointer.ts';
import { isPlainObject } from '../values/encode.ts';
import type { Entity } from './entity.ts';
import type { Subject } from './graph-change.ts';
import type { Condition } from './graph-query.ts';
import { invalidQuery } from './invalid-query.ts';
import { sameValue, valueKey } from './property-value.ts';
import { propertyAt, tryCompare } from './value-order.ts';

/** Whether a row, or a value, is wanted. */
export type Predicate<T> = (candidate: T) => boolean;

const ENTITY_FIELDS = 'id type name description createdAt updatedAt validFrom validTo'.split(' ');
const RELATION_FIELDS = ['from', 'to', 'strength', 'bidirectional'];
const MAX_DEPTH = 32;

/**
 * Makes a predicate of a `where`.
 * @throws NervError `graph/invalid-query` with `details.path`
 */
export function compileWhere(where: unknown, subject: Subject, path: string = 'where'): Predicate<Entity> {
  // Its type says that it is a predicate of rows.
  if (typeof where === 'function' && path === 'where') return where as Predicate<Entity>;
  if (path.split('.').length > MAX_DEPTH) throw invalidQuery(path, `nests more than ${MAX_DEPTH} deep`);
  return all(entriesOf(where, path).map(([key, given]) => compileKey(key, given, { subject, path: `${path}.${key}` })));
}

/** How to get at a field. @throws NervError `graph/invalid-query` */
export function fieldGetter(field: string, subject: Subject, path: string): (row: Entity) => unknown {
  if (ENTITY_FIELDS.includes(field) || (subject === 'relation' && RELATION_FIELDS.includes(field))) {
    // The row has the field: it is of the list above.
    return (row) => (row as unknown as Readonly<Record<string, unknown>>)[field];
  }
  throw invalidQuery(path, `names no field of an ${subject}; a property goes under 'properties'`);
}

/** How to get at a property, given its key or a JSON pointer. @throws NervError `graph/invalid-query` */
export function propertyGetter(key: string, path: string): (row: Entity) => unknown {
  if (/^\/.*~(?![01])/s.test(key)) throw invalidQuery(path, `is no JSON pointer: '~' is written '~0', and '/' is '~1'`);
  const segments = key.startsWith('/') ? parsePointer(key) : [key];
  return (row) => propertyAt(row.properties, segments);
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
    case 'not':
      return not(compileWhere(given, subject, path));
    case 'tags':
      return wants(({ tags }) => tags, given, path);
    case 'properties':
      return all(
        entriesOf(given, path).map(([property, condition]) => {
          const at = `${path}.${property}`;
          return wants(propertyGetter(property, at), condition, at);
        }),
      );
    default:
      return wants(fieldGetter(key, subject, path), given, path);
  }
}

function compileList(given: unknown, { subject, path }: Place): Predicate<Entity>[] {
  if (!Array.isArray(given)) throw invalidQuery(path, 'is no array');
  return given.map((branch: unknown, place) => compileWhere(branch, subject, `${path}.${place}`));
}

/** A condition on what a row has somewhere. */
function wants(get: (row: Entity) => unknown, condition: unknown, path: string): Predicate<Entity> {
  const wanted = compileCondition(condition, path);
  return (row) => wanted(get(row));
}

function compileCondition(given: unknown, path: string): Predicate<unknown> {
  if (!isPlainObject(given)) return equals(given);
  return all(
    entriesOf(given, path).map(([operator, operand]) => {
      const at = `${path}.${operator}`;
      if (!Object.hasOwn(OPERATORS, operator)) {
        throw invalidQuery(at, `is no operator; for an object as a value use 'equals'`);
      }
      // The operator is one of the table's.
      return OPERATORS[operator as keyof Condition](operand, at);
    }),
  );
}

const OPERATORS: Readonly<Record<keyof Condition, (operand: unknown, path: string) => Predicate<unknown>>> = {
  equals,
  notEquals: (operand) => not(equals(operand)),
  gt: (operand) => compares(operand, (order) => order > 0),
  gte: (operand) => compares(operand, (order) => order >= 0),
  lt: (operand) => compares(operand, (order) => order < 0),
  lte: (operand) => compares(operand, (order) => order <= 0),
  contains,
  startsWith: (operand, path) => ofText(operand, path, (text, part) => text.startsWith(part)),
  endsWith: (operand, path) => ofText(operand, path, (text, part) => text.endsWith(part)),
  in: isIn,
  notIn: (operand, path) => not(isIn(operand, path)),
  exists: (operand) => (value) => (value !== undefined) === (operand === true),
};

function equals(operand: unknown): Predicate<unknown> {
  if (Number.isNaN(operand)) return Number.isNaN;
  // Only objects can be the same without being equal.
  if (typeof operand !== 'object' || operand === null) return (value) => value === operand;
  const key = valueKey(operand);
  return (value) => value === operand || (typeof value === 'object' && valueKey(value) === key);
}

function isIn(operand: unknown, path: string): Predicate<unknown> {
  if (!Array.isArray(operand)) throw invalidQuery(path, 'is no array');
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
  if (typeof operand !== 'string') throw invalidQuery(path, 'is no string');
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

/** What is given and not undefined. */
function entriesOf(given: unknown, path: string): readonly (readonly [string, unknown])[] {
  if (!isPlainObject(given)) throw invalidQuery(path, 'is no object');
  return Object.entries(given).filter(([, value]) => value !== undefined);
}
