import { assert } from '../assert.ts';
import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import type { RawModuleDef } from '../schema/raw-module-def.ts';

/** The types of a validated definition with references resolved and every name as the module's code spells it. */
export class SourceTypes {
  readonly #typespace: readonly AlgebraicType[];

  /** The definition has been validated: its references are sound and their chains end. */
  constructor(raw: RawModuleDef) {
    this.#typespace = raw.typespace;
  }

  resolve(type: AlgebraicType): AlgebraicType {
    switch (type.type) {
      case 'ref': {
        const target = this.#typespace[type.ref];
        assert(target !== undefined, 'a validated reference points into the typespace');
        return this.resolve(target);
      }
      case 'array':
        return { type: 'array', element: this.resolve(type.element) };
      case 'product':
        return { type: 'product', elements: this.#resolveAll(type.elements) };
      case 'sum':
        return { type: 'sum', variants: this.#resolveAll(type.variants) };
      default:
        return type;
    }
  }

  /** The fields of a row: of a product, or of the product that an array or an option holds. */
  fields(type: AlgebraicType): readonly NamedType[] {
    const resolved = this.resolve(type);
    if (resolved.type === 'product') {
      const [first] = resolved.elements;
      return first?.name === QUERY_MARKER ? this.fields(first.algebraicType) : resolved.elements;
    }
    const row = resolved.type === 'array' ? resolved.element : firstVariant(resolved);
    assert(row?.type === 'product', 'a validated row type is a product');
    return row.elements;
  }

  #resolveAll(named: readonly NamedType[]): readonly NamedType[] {
    return named.map(({ name, algebraicType }) => ({ name, algebraicType: this.resolve(algebraicType) }));
  }
}

/** The only field of a view's result that is declared as a query. */
const QUERY_MARKER = '__query__';

function firstVariant(type: AlgebraicType): AlgebraicType | undefined {
  return type.type === 'sum' ? type.variants[0]?.algebraicType : undefined;
}
