import { knownSlot } from './tree/draft-slot.ts';
import { importValue } from './tree/import-value.ts';
import { slotToValue } from './tree/slot.ts';
import type { Drafted } from './temporal-store.ts';

/**
 * A fresh plain copy that the caller owns, of a state, a part of one, or a draft: for `structuredClone`, `postMessage` and
 * whoever else wants ordinary objects, as states are shown through proxies. Costs by size. @throws `value/unsupported`
 */
export function toPlain<S>(value: S): Drafted<S> {
  // What went in as an S comes out as one, of plain objects.
  return slotToValue(importValue(value, '', knownSlot)) as Drafted<S>;
}
