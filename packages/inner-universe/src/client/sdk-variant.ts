import type { Op } from '@inner-universe/module/wire';

/** The names that were made so far: one text for all ops of a kind, which the SDK compares fastest. */
const names = new Map<Op['tag'], string>();

/** An op as the SDK's bindings take it: they name variants with a capital. */
export function asSdkVariant({ tag, value }: Op): object {
  let name = names.get(tag);
  if (name === undefined) names.set(tag, (name = tag.charAt(0).toUpperCase() + tag.slice(1)));
  return { tag: name, value };
}
