import type { AlgebraicType, NamedType } from '../../bsatn/algebraic-type.ts';
import { describeJson, isJsonArray, isJsonNumber, isJsonObject, type JsonValue } from '../../sats-json/json-value.ts';
import { SchemaError } from '../../schema/schema-error.ts';

/** One place of a definition that came as SATS-JSON. Whoever reads it says what must stand there. */
export class SchemaJson {
  readonly #value: JsonValue;
  readonly #path: string;

  constructor(value: JsonValue, path = 'the schema') {
    this.#value = value;
    this.#path = path;
  }

  /** A member of an object. @throws {SchemaError} `schema/invalid`, as every method */
  field(name: string): SchemaJson {
    const value = isJsonObject(this.#value) ? this.#value.get(name) : undefined;
    if (value === undefined) throw this.#expected(`an object with the member ${name}`);
    return new SchemaJson(value, `${this.#path}.${name}`);
  }

  list<Item>(read: (item: SchemaJson) => Item): Item[] {
    if (!isJsonArray(this.#value)) throw this.#expected('an array');
    return this.#value.map((item, index) => read(new SchemaJson(item, `${this.#path}[${index}]`)));
  }

  text(): string {
    if (typeof this.#value !== 'string') throw this.#expected('a string');
    return this.#value;
  }

  flag(): boolean {
    if (typeof this.#value !== 'boolean') throw this.#expected('true or false');
    return this.#value;
  }

  integer(): bigint {
    const digits = isJsonNumber(this.#value) ? this.#value.digits : '';
    if (!/^-?\d{1,40}$/.test(digits)) throw this.#expected('a whole number');
    return BigInt(digits);
  }

  /** A position or reference: from 0 to 2³² - 1. */
  index(): number {
    const value = this.integer();
    if (value < 0n || value > 0xffff_ffffn) throw this.#expected('a position');
    return Number(value);
  }

  bytes(): Uint8Array {
    if (isJsonArray(this.#value)) return Uint8Array.from(this.list((item) => item.index()));
    const text = this.text();
    if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw this.#expected('bytes in hexadecimal');
    return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }

  /** A sum: an object whose one key is the name of the variant. */
  variant(): { readonly name: string; readonly payload: SchemaJson } {
    const entries = isJsonObject(this.#value) ? [...this.#value] : [];
    const [only] = entries;
    if (only === undefined || entries.length > 1) throw this.#expected('an object with one key');
    const [name, payload] = only;
    return { name, payload: new SchemaJson(payload, `${this.#path}.${name}`) };
  }

  option<Value>(read: (value: SchemaJson) => Value): Value | undefined {
    const { name, payload } = this.variant();
    if (name === 'some') return read(payload);
    if (name !== 'none') throw this.#expected('some or none');
    return undefined;
  }

  /** The value that stands for a variant's name. */
  choice<Value>(values: Readonly<Record<string, Value>>): Value {
    const { name } = this.variant();
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw this.#expected(`one of ${Object.keys(values).join(', ')}`);
    return value;
  }

  type(): AlgebraicType {
    const { name, payload } = this.variant();
    switch (name) {
      case 'Ref':
        return { type: 'ref', ref: payload.index() };
      case 'Array':
        return { type: 'array', element: payload.type() };
      case 'Product':
        return { type: 'product', elements: payload.elements() };
      case 'Sum':
        return { type: 'sum', variants: payload.field('variants').list(readMember) };
      default: {
        const primitive = PRIMITIVES.get(name);
        if (primitive === undefined) throw this.#expected('a type');
        return primitive;
      }
    }
  }

  /** The elements of a product type. */
  elements(): NamedType[] {
    return this.field('elements').list(readMember);
  }

  #expected(what: string): SchemaError {
    const message = `${this.#path}: expected ${what}, found ${describeJson(this.#value)}`;
    return new SchemaError([{ rule: 'MalformedDefinition', message }], 'schema/invalid');
  }
}

function readMember(member: SchemaJson): NamedType {
  return {
    name: member.field('name').option((name) => name.text()),
    algebraicType: member.field('algebraic_type').type(),
  };
}

const PRIMITIVE_NAMES = [
  'string',
  'bool',
  'i8',
  'u8',
  'i16',
  'u16',
  'i32',
  'u32',
  'i64',
  'u64',
  'i128',
  'u128',
  'i256',
  'u256',
  'f32',
  'f64',
] as const;

const PRIMITIVES: ReadonlyMap<string, AlgebraicType> = new Map(
  PRIMITIVE_NAMES.map((name) => [`${name.charAt(0).toUpperCase()}${name.slice(1)}`, { type: name }] as const),
);
