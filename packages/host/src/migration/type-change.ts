import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import { assertResolved } from '../bsatn/size.ts';
import type { RefusalRule } from './migration-plan.ts';
import { layoutOf } from './type-layout.ts';
import { typeText } from './type-text.ts';

/** Why rows of one type cannot be read as another. */
export interface TypeProblem {
  readonly rule: RefusalRule;
  readonly reason: string;
}

/** How a column's type changed: `grown` when enums in it have more variants and every old value reads as it did. */
export type TypeChange =
  | { readonly type: 'same' | 'grown' }
  | { readonly type: 'refused'; readonly problems: readonly TypeProblem[] };

/** Compares two resolved types of a column. Names of types do not matter, those of fields and variants do. */
export function compareTypes(before: AlgebraicType, after: AlgebraicType): TypeChange {
  const comparison = new Comparison();
  comparison.compare(before, after);
  const { problems, isGrown } = comparison;
  if (problems.length > 0) return { type: 'refused', problems };
  return { type: isGrown ? 'grown' : 'same' };
}

class Comparison {
  readonly problems: TypeProblem[] = [];
  isGrown = false;

  compare(before: AlgebraicType, after: AlgebraicType): void {
    if (before.type === 'sum' && after.type === 'sum') this.#compareSums(before, after);
    else if (before.type === 'product' && after.type === 'product') this.#compareProducts(before, after);
    else if (before.type === 'array' && after.type === 'array') this.compare(before.element, after.element);
    else if (before.type === 'ref' || after.type === 'ref') assertResolved();
    else if (before.type !== after.type) {
      this.#refuse('ChangeColumnType', `its type would change from ${typeText(before)} to ${typeText(after)}`);
    }
  }

  #compareSums(
    before: AlgebraicType & { readonly type: 'sum' },
    after: AlgebraicType & { readonly type: 'sum' },
  ): void {
    if (after.variants.length < before.variants.length) {
      const gone = before.variants.slice(after.variants.length).map(({ name }) => `\`${name ?? ''}\``);
      this.#refuse('FewerVariants', `variant ${gone.join(', ')} of ${typeText(before)} would be gone`);
    }
    if (after.variants.length > before.variants.length) this.isGrown = true;
    this.#compareNamed(before.variants, after.variants, { rule: 'RenamedVariant', what: 'variant' });
    const [old, grown] = [layoutOf(before), layoutOf(after)];
    if (old.size !== grown.size) {
      this.#refuse(
        'SizeMismatch',
        `${typeText(before)} takes ${old.size} bytes in a row of SpacetimeDB, ${typeText(after)} would take ${grown.size}`,
      );
    }
    if (old.align !== grown.align) {
      this.#refuse(
        'AlignMismatch',
        `${typeText(before)} is aligned to ${old.align} bytes in a row of SpacetimeDB, ${typeText(after)} would be to ${grown.align}`,
      );
    }
  }

  #compareProducts(
    before: AlgebraicType & { readonly type: 'product' },
    after: AlgebraicType & { readonly type: 'product' },
  ): void {
    if (before.elements.length !== after.elements.length) {
      this.#refuse(
        'FewerFields',
        `${typeText(before)} has ${before.elements.length} fields, ${typeText(after)} has ${after.elements.length}`,
      );
    }
    this.#compareNamed(before.elements, after.elements, { rule: 'RenamedField', what: 'field' });
  }

  #compareNamed(
    before: readonly NamedType[],
    after: readonly NamedType[],
    kind: { readonly rule: RefusalRule; readonly what: string },
  ): void {
    for (const [position, old] of before.entries()) {
      const now = after[position];
      if (now === undefined) return;
      if (old.name !== now.name) {
        this.#refuse(kind.rule, `${kind.what} \`${old.name ?? ''}\` would be named \`${now.name ?? ''}\``);
      }
      this.compare(old.algebraicType, now.algebraicType);
    }
  }

  #refuse(rule: RefusalRule, reason: string): void {
    this.problems.push({ rule, reason });
  }
}
