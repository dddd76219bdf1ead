import { assert } from '../assert.ts';
import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import type { NamedTypeDef } from '../schema/module-def.ts';
import { quote, toCamelCase, toPascalCase, toPropertyKey } from './identifier.ts';

const SPECIAL_PRODUCTS: ReadonlyMap<string, string> = new Map([
  ['__identity__:u256', '__t.identity()'],
  ['__connection_id__:u128', '__t.connectionId()'],
  ['__timestamp_micros_since_unix_epoch__:i64', '__t.timestamp()'],
  ['__time_duration_micros__:i64', '__t.timeDuration()'],
  ['__uuid__:u128', '__t.uuid()'],
]);

/**
 * Writes types of a module as expressions of the SDK's type builders, and the declarations of its named types in an
 * order in which each stands after those it needs.
 */
export class TypeWriter {
  /** Name of each named type, by its structure. Types of equal structure share the first name. */
  readonly #names: Map<string, string> = new Map();
  readonly #declared: Set<string> = new Set();
  readonly #declarations: string[] = [];
  readonly #types: readonly NamedTypeDef[];

  /** `reserved` holds names that the generated file uses itself. */
  constructor(types: readonly NamedTypeDef[], reserved: ReadonlySet<string>) {
    this.#types = [...types].sort((a, b) => (a.name < b.name ? -1 : 1));
    const taken = new Set(reserved);
    for (const type of this.#types) {
      const key = structureOf(type.algebraicType);
      if (this.#names.has(key)) continue;
      let name = toPascalCase(type.name.replace(/\W+/g, '_'));
      while (taken.has(name)) name += 'Type';
      taken.add(name);
      this.#names.set(key, name);
    }
  }

  /** Declares every named type, needed or not. */
  declarations(): readonly string[] {
    for (const type of this.#types) this.expression(type.algebraicType);
    return this.#declarations;
  }

  /** An expression that builds a type; the named types in it are declared first. */
  expression(type: AlgebraicType): string {
    const name = isNameable(type) ? this.#names.get(structureOf(type)) : undefined;
    if (name === undefined) return this.#inline(type, undefined);
    if (!this.#declared.has(name)) {
      this.#declared.add(name);
      const text = this.#inline(type, name);
      this.#declarations.push(`export const ${name} = ${text};\nexport type ${name} = __Infer<typeof ${name}>;`);
    }
    return name;
  }

  /** The members of an object literal: one line for each field. */
  fields(elements: readonly NamedType[], indent: string): string {
    return elements
      .map(({ name, algebraicType }, position) => {
        const key = toPropertyKey(toCamelCase(name ?? `field_${position}`));
        return `${indent}${key}: ${this.expression(algebraicType)},\n`;
      })
      .join('');
  }

  #inline(type: AlgebraicType, name: string | undefined): string {
    if (type.type === 'product') return this.#product(type.elements, name);
    if (type.type === 'sum') return this.#sum(type.variants, name);
    if (type.type === 'array') {
      return type.element.type === 'u8' ? '__t.byteArray()' : `__t.array(${this.expression(type.element)})`;
    }
    assert(type.type !== 'ref', 'bindings are generated from resolved types');
    return `__t.${type.type}()`;
  }

  #product(elements: readonly NamedType[], name: string | undefined): string {
    const special = specialProduct(elements);
    if (special !== undefined) return special;
    if (elements.length === 0 && name === undefined) return '__t.unit()';
    return `__t.object(${quote(name ?? 'Anonymous')}, {\n${this.fields(elements, '  ')}})`;
  }

  #sum(variants: readonly NamedType[], name: string | undefined): string {
    const [first, second] = variants;
    if (first !== undefined && second !== undefined && variants.length === 2) {
      if (first.name === 'some' && second.name === 'none' && isUnit(second.algebraicType)) {
        return `__t.option(${this.expression(first.algebraicType)})`;
      }
      if (first.name === 'ok' && second.name === 'err') {
        return `__t.result(${this.expression(first.algebraicType)}, ${this.expression(second.algebraicType)})`;
      }
      if (isScheduleAt(first, second)) return '__t.scheduleAt()';
    }
    const lines = variants.map((variant, position) => {
      const key = toPropertyKey(toPascalCase(variant.name ?? `variant_${position}`));
      return `  ${key}: ${this.expression(variant.algebraicType)},\n`;
    });
    return `__t.enum(${quote(name ?? 'Anonymous')}, {\n${lines.join('')}})`;
  }
}

/** Only these have names of their own in the bindings; the special ones and options have builders. */
function isNameable(type: AlgebraicType): boolean {
  if (type.type === 'product') return type.elements.length > 0 && specialProduct(type.elements) === undefined;
  if (type.type !== 'sum') return false;
  const [first, second] = type.variants;
  if (first === undefined || second === undefined || type.variants.length !== 2) return true;
  const isBuiltIn =
    first.name === 'some' || (first.name === 'ok' && second.name === 'err') || isScheduleAt(first, second);
  return !isBuiltIn;
}

function specialProduct(elements: readonly NamedType[]): string | undefined {
  const [only] = elements;
  if (only === undefined || elements.length !== 1) return undefined;
  return SPECIAL_PRODUCTS.get(`${only.name}:${only.algebraicType.type}`);
}

function isUnit(type: AlgebraicType): boolean {
  return type.type === 'product' && type.elements.length === 0;
}

function isScheduleAt(first: NamedType, second: NamedType): boolean {
  const isSpecial = (type: AlgebraicType, builder: string): boolean =>
    type.type === 'product' && specialProduct(type.elements) === builder;
  return isSpecial(first.algebraicType, '__t.timeDuration()') && isSpecial(second.algebraicType, '__t.timestamp()');
}

function structureOf(type: AlgebraicType): string {
  if (type.type === 'product') return `{${type.elements.map(structureOfElement).join()}}`;
  if (type.type === 'sum') return `<${type.variants.map(structureOfElement).join()}>`;
  if (type.type === 'array') return `[${structureOf(type.element)}]`;
  return type.type === 'ref' ? `&${type.ref}` : type.type;
}

function structureOfElement(element: NamedType): string {
  return `${JSON.stringify(element.name ?? '')}:${structureOf(element.algebraicType)}`;
}
