import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import { isPrimitive } from '../bsatn/algebraic-type.ts';
import { MAX_TYPE_DEPTH } from '../bsatn/type-codec.ts';
import type { Names } from './names.ts';
import type { ProblemReport } from './problems.ts';
import { hasSpecialForm, isInlineSum } from './special-types.ts';

/** Types that unfold to more parts than this are refused: everything compiled from them would be as large. */
const MAX_TYPE_PARTS = 20_000;

const UNIT: AlgebraicType = { type: 'product', elements: [] };

interface Resolved {
  readonly type: AlgebraicType;
  readonly parts: number;
  readonly depth: number;
}

const BROKEN: Resolved = { type: UNIT, parts: 1, depth: 0 };

/**
 * Resolves the types of a definition: references are replaced by what they stand for, names of fields and variants
 * are converted. What cannot be resolved is reported and becomes the unit type.
 */
export class Typespace {
  readonly #types: readonly AlgebraicType[];
  readonly #declared: ReadonlySet<number>;
  readonly #names: Names;
  readonly #problems: ProblemReport;
  readonly #resolved = new Map<number, Resolved>();
  readonly #underWay = new Set<number>();

  /** `declared` are the references that have a name; only those may be used. */
  constructor(
    types: readonly AlgebraicType[],
    declared: ReadonlySet<number>,
    context: { readonly names: Names; readonly problems: ProblemReport },
  ) {
    this.#types = types;
    this.#declared = declared;
    this.#names = context.names;
    this.#problems = context.problems;
  }

  /** The type as it stands in the typespace, unresolved. */
  raw(ref: number): AlgebraicType | undefined {
    return this.#types[ref];
  }

  /** What a type of a parameter, return value or field stands for. `where` is for the report. */
  resolve(type: AlgebraicType, where: string): AlgebraicType {
    return this.#use(type, where).type;
  }

  /** What a reference stands for. */
  resolveRef(ref: number, where: string): AlgebraicType {
    return this.#reference(ref, where).type;
  }

  /** A type where it is used: structures must be references, unless they are of a form that needs no name. */
  #use(type: AlgebraicType, where: string): Resolved {
    if (isPrimitive(type)) return { type, parts: 1, depth: 0 };
    switch (type.type) {
      case 'ref':
        return this.#reference(type.ref, where);
      case 'array': {
        const element = this.#use(type.element, where);
        return this.#limit({ type: 'array', element: element.type }, [element], where);
      }
      case 'product':
        if (type.elements.length > 0 && !hasSpecialForm(type)) return this.#refuseInline(where);
        return { type, parts: 1, depth: 1 };
      case 'sum': {
        if (!isInlineSum(type)) return this.#refuseInline(where);
        const payloads = type.variants.map(({ algebraicType }) => this.#use(algebraicType, where));
        return this.#limit({ type: 'sum', variants: rename(type.variants, payloads, (name) => name) }, payloads, where);
      }
    }
  }

  #reference(ref: number, where: string): Resolved {
    const known = this.#resolved.get(ref);
    if (known !== undefined) return known;
    const type = this.#types[ref];
    if (type === undefined)
      return this.#report('InvalidTypeRef', `${where} refers to type ${ref}, which does not exist`);
    if (!this.#declared.has(ref)) {
      return this.#report('ClientCodegenError', `${where} refers to type ${ref}, which has no name`);
    }
    if (this.#underWay.has(ref)) {
      return this.#report('ClientCodegenError', `${where} contains itself, which the embedded host does not support`);
    }
    this.#underWay.add(ref);
    const resolved = this.#definition(type, `type ${ref}`);
    this.#underWay.delete(ref);
    this.#resolved.set(ref, resolved);
    return resolved;
  }

  /** A type where it is defined: here a structure may stand. */
  #definition(type: AlgebraicType, where: string): Resolved {
    if (type.type === 'product' && !hasSpecialForm(type)) {
      const elements = this.#parts(type.elements, where);
      const named = rename(type.elements, elements, (name) => this.#field(name, 'field', where));
      return this.#limit({ type: 'product', elements: named }, elements, where);
    }
    if (type.type === 'sum' && !isInlineSum(type)) {
      const variants = this.#parts(type.variants, where);
      const named = rename(type.variants, variants, (name) => this.#field(name, 'variant', where));
      return this.#limit({ type: 'sum', variants: named }, variants, where);
    }
    return this.#use(type, where);
  }

  #parts(named: readonly NamedType[], where: string): Resolved[] {
    return named.map(({ name, algebraicType }) => this.#use(algebraicType, `${name ?? 'a part'} of ${where}`));
  }

  #field(name: string | undefined, kind: 'field' | 'variant', where: string): string | undefined {
    if (name === undefined) {
      this.#problems.add('ClientCodegenError', `a ${kind} of ${where} has no name`);
      return name;
    }
    return this.#names.identifier(kind === 'field' ? this.#names.snake(name) : this.#names.camel(name));
  }

  #limit(type: AlgebraicType, inner: readonly Resolved[], where: string): Resolved {
    const parts = inner.reduce((sum, part) => sum + part.parts, 1);
    const depth = 1 + Math.max(0, ...inner.map((part) => part.depth));
    if (parts > MAX_TYPE_PARTS)
      return this.#report('TypeTooLarge', `${where} unfolds to more than ${MAX_TYPE_PARTS} parts`);
    if (depth > MAX_TYPE_DEPTH) {
      return this.#report('TypeTooLarge', `${where} is nested deeper than ${MAX_TYPE_DEPTH} levels`);
    }
    return { type, parts, depth };
  }

  #refuseInline(where: string): Resolved {
    return this.#report('ClientCodegenError', `${where} has a structured type that is not declared under a name`);
  }

  #report(rule: string, message: string): Resolved {
    this.#problems.add(rule, message);
    return BROKEN;
  }
}

function rename(
  named: readonly NamedType[],
  resolved: readonly Resolved[],
  convert: (name: string | undefined) => string | undefined,
): NamedType[] {
  return named.map(({ name }, position) => ({
    name: convert(name),
    algebraicType: resolved[position]?.type ?? UNIT,
  }));
}
