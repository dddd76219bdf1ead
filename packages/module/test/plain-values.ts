/** Between plain objects with camelCase keys, as the SDK has them, and the host's positional values. */
import type { AlgebraicType, AlgebraicValue } from '../../host/src/bsatn/algebraic-type.ts';

/** The positional form of a plain value. */
export function fromPlain(type: AlgebraicType, value: unknown): AlgebraicValue {
  switch (type.type) {
    case 'product': {
      const [only] = type.elements;
      if (type.elements.length === 1 && only?.name?.startsWith('__') === true) {
        const inner = typeof value === 'object' ? (value as Record<string, unknown>)[only.name] : value;
        return [inner as AlgebraicValue];
      }
      const fields = value as Record<string, unknown>;
      return type.elements.map(({ name, algebraicType }) => {
        const key = camelCase(name ?? '');
        if (!(key in fields) && !isOption(algebraicType)) throw new Error(`the field ${key} is missing`);
        return fromPlain(algebraicType, fields[key]);
      });
    }
    case 'sum': {
      if (isOption(type)) {
        return value === undefined
          ? { tag: 1, value: [] }
          : { tag: 0, value: fromPlain(type.variants[0]!.algebraicType, value) };
      }
      const { tag, value: inner } = value as { tag: string; value: unknown };
      const index = type.variants.findIndex(({ name }) => name === tag);
      if (index < 0) throw new Error(`there is no variant ${tag}`);
      return { tag: index, value: fromPlain(type.variants[index]!.algebraicType, inner) };
    }
    case 'array':
      if (type.element.type === 'u8') return value as Uint8Array;
      return (value as readonly unknown[]).map((member) => fromPlain(type.element, member));
    default:
      return value as AlgebraicValue;
  }
}

/** The plain form of a positional value; single-field specials (timestamps, identities) become their number. */
export function toPlain(type: AlgebraicType, value: AlgebraicValue): unknown {
  switch (type.type) {
    case 'product': {
      const values = value as readonly AlgebraicValue[];
      if (type.elements.length === 1 && type.elements[0]?.name?.startsWith('__') === true) return values[0];
      return Object.fromEntries(
        type.elements.map(({ name, algebraicType }, index) => [
          camelCase(name ?? ''),
          toPlain(algebraicType, values[index]!),
        ]),
      );
    }
    case 'sum': {
      const sum = value as { tag: number; value: AlgebraicValue };
      const variant = type.variants[sum.tag]!;
      if (isOption(type)) return sum.tag === 0 ? toPlain(variant.algebraicType, sum.value) : undefined;
      return { tag: variant.name, value: toPlain(variant.algebraicType, sum.value) };
    }
    case 'array':
      if (type.element.type === 'u8') return value;
      return (value as readonly AlgebraicValue[]).map((member) => toPlain(type.element, member));
    default:
      return value;
  }
}

/** The SDK's name of a canonical one. */
export function camelCase(name: string): string {
  return name.startsWith('__') ? name : name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function isOption(type: AlgebraicType): boolean {
  return type.type === 'sum' && type.variants[0]?.name === 'some' && type.variants[1]?.name === 'none';
}
