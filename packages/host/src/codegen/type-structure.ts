import type { AlgebraicType, NamedType } from '../bsatn/algebraic-type.ts';
import { hasSpecialForm, isInlineSum } from '../schema/special-types.ts';

/** A text that two resolved types share exactly when they are the same type, names of fields and variants included. */
export function structureOf(type: AlgebraicType): string {
  if (type.type === 'product') return `{${type.elements.map(structureOfElement).join()}}`;
  if (type.type === 'sum') return `<${type.variants.map(structureOfElement).join()}>`;
  if (type.type === 'array') return `[${structureOf(type.element)}]`;
  return type.type === 'ref' ? `&${type.ref}` : type.type;
}

/** Whether a type has a name of its own in bindings; the special ones, options and results have builders instead. */
export function isNameable(type: AlgebraicType): boolean {
  if (type.type === 'product') return type.elements.length > 0 && !hasSpecialForm(type);
  return type.type === 'sum' && !isInlineSum(type);
}

/** Adds the structures of the types with a name of their own that a type is made of, itself included. */
export function collectStructures(type: AlgebraicType, into: Set<string>): void {
  if (isNameable(type)) into.add(structureOf(type));
  if (type.type === 'array') collectStructures(type.element, into);
  if (type.type === 'product') for (const { algebraicType } of type.elements) collectStructures(algebraicType, into);
  if (type.type === 'sum') for (const { algebraicType } of type.variants) collectStructures(algebraicType, into);
}

function structureOfElement(element: NamedType): string {
  return `${JSON.stringify(element.name ?? '')}:${structureOf(element.algebraicType)}`;
}
