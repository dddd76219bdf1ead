import { type AlgebraicType, isPrimitive, type NamedType } from '../bsatn/algebraic-type.ts';
import { isOption } from '../schema/special-types.ts';

/** Names of the products of one element that stand for a type of their own, by the name of the element. */
const SPECIAL_NAMES: ReadonlyMap<string, string> = new Map([
  ['__identity__', 'Identity'],
  ['__connection_id__', 'ConnectionId'],
  ['__timestamp_micros_since_unix_epoch__', 'Timestamp'],
  ['__time_duration_micros__', 'TimeDuration'],
  ['__uuid__', 'Uuid'],
]);

/** Variants and fields that are spelled out; a type may have very many. */
const NAMED_MAX = 12;

/** A type as people read it: `u64`, `string?`, `u8[]`, `{ x: f32, y: f32 }`, `red | green(u8)`. */
export function typeText(type: AlgebraicType): string {
  if (isPrimitive(type)) return type.type;
  switch (type.type) {
    case 'array':
      return `${inner(type.element)}[]`;
    case 'product':
      return productText(type.elements);
    case 'sum': {
      const [first] = type.variants;
      if (isOption(type) && first !== undefined) return `${inner(first.algebraicType)}?`;
      return listText(type.variants, ' | ', ({ name, algebraicType }) =>
        algebraicType.type === 'product' && algebraicType.elements.length === 0
          ? (name ?? '_')
          : `${name ?? '_'}(${typeText(algebraicType)})`,
      );
    }
    case 'ref':
      return `#${type.ref}`;
  }
}

function productText(elements: readonly NamedType[]): string {
  const [first] = elements;
  const special = elements.length === 1 ? SPECIAL_NAMES.get(first?.name ?? '') : undefined;
  if (special !== undefined) return special;
  if (elements.length === 0) return '()';
  return `{ ${listText(elements, ', ', ({ name, algebraicType }) => `${name ?? '_'}: ${typeText(algebraicType)}`)} }`;
}

function inner(type: AlgebraicType): string {
  const text = typeText(type);
  return type.type === 'sum' && !isOption(type) ? `(${text})` : text;
}

function listText(named: readonly NamedType[], separator: string, write: (one: NamedType) => string): string {
  const texts = named.slice(0, NAMED_MAX).map(write);
  if (named.length > NAMED_MAX) texts.push(`… ${named.length - NAMED_MAX} more`);
  return texts.join(separator);
}
