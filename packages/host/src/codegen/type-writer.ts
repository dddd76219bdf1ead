import { assert } from '../assert.ts';
import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import type { NamedTypeDef } from '../schema/module-def.ts';
import { isOption, isResult, isScheduleAt } from '../schema/special-types.ts';
import { quote, spellMembers, toCamelCase, toPascalCase, toPropertyKey } from './identifier.ts';
import { isNameable, structureOf } from './type-structure.ts';

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
  /** Name of each named type, by its structure: the first of several of equal structure. */
  readonly #names: Map<string, string> = new Map();
  /** The other names of types of equal structure, each with the one that is declared. */
  readonly #twins: { readonly name: string; readonly type: AlgebraicType }[] = [];
  readonly #declared: Set<string> = new Set();
  readonly #declarations: string[] = [];
  readonly #types: readonly NamedTypeDef[];

  /** `types` in order of preference; `reserved` holds names that the generated file uses itself. */
  constructor(types: readonly NamedTypeDef[], reserved: ReadonlySet<string>) {
    this.#types = types.filter((type) => isNameable(type.algebraicType));
    const taken = new Set(reserved);
    for (const { name: sourceName, algebraicType } of this.#types) {
      let name = toPascalCase(sourceName.replace(/[^\p{ID_Continue}]+/gu, '_'));
      while (taken.has(name)) name += 'Type';
      taken.add(name);
      const key = structureOf(algebraicType);
      if (this.#names.has(key)) this.#twins.push({ name, type: algebraicType });
      else this.#names.set(key, name);
    }
  }

  /** Declares every named type, needed or not. */
  declarations(): readonly string[] {
    for (const type of this.#types) this.expression(type.algebraicType);
    const twins = this.#twins.map(({ name, type }) => {
      const first = this.expression(type);
      return `export const ${name} = ${first};\nexport type ${name} = ${first};`;
    });
    return [...this.#declarations, ...twins];
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
    return this.#members(elements, 'field', toCamelCase)
      .map((member) => `${indent}${member},\n`)
      .join('');
  }

  #members(elements: readonly NamedType[], kind: string, spell: (name: string) => string): string[] {
    const names = elements.map(({ name }, position) => name ?? `${kind}_${position}`);
    const members = spellMembers(names, spell);
    return elements.map(
      ({ algebraicType }, position) => `${toPropertyKey(members[position] ?? '')}: ${this.expression(algebraicType)}`,
    );
  }

  #inline(type: AlgebraicType, name: string | undefined): string {
    if (type.type === 'product') return this.#product(type.elements, name);
    if (type.type === 'sum') return this.#sum(type, name);
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

  #sum(type: AlgebraicType & { readonly type: 'sum' }, name: string | undefined): string {
    const [first, second] = type.variants;
    if (first !== undefined && second !== undefined) {
      if (isOption(type)) return `__t.option(${this.expression(first.algebraicType)})`;
      if (isResult(type)) {
        return `__t.result(${this.expression(first.algebraicType)}, ${this.expression(second.algebraicType)})`;
      }
      if (isScheduleAt(type)) return '__t.scheduleAt()';
    }
    const members = this.#members(type.variants, 'variant', toPascalCase);
    // A list of no cases is how the SDK writes a type without values.
    if (members.length === 0) return `__t.enum(${quote(name ?? 'Never')}, [])`;
    const lines = members.map((member) => `  ${member},\n`).join('');
    return `__t.enum(${quote(name ?? 'Anonymous')}, {\n${lines}})`;
  }
}

function specialProduct(elements: readonly NamedType[]): string | undefined {
  const [only] = elements;
  if (only === undefined || elements.length !== 1) return undefined;
  return SPECIAL_PRODUCTS.get(`${only.name}:${only.algebraicType.type}`);
}
