/**
 * The methods of Array that move its elements, on drafts: what they change is said in splices, not element by element, so
 * that a push or a shift costs the same however long the array is. All other methods are Array's own.
 */
import type { ArrayDraft } from './array-draft.ts';
import { looseSlot } from './draft-slot.ts';

/** The changing method of this name, bound to the draft. */
export function tryArrayMethod(draft: ArrayDraft, name: string): ((...args: unknown[]) => unknown) | undefined {
  const insert = (position: number, elements: readonly unknown[]): number => {
    draft.splice(position, 0, elements.map(looseSlot));
    return draft.length;
  };
  switch (name) {
    case 'push':
      return (...elements) => insert(draft.length, elements);
    case 'unshift':
      return (...elements) => insert(0, elements);
    case 'pop':
      return () => replace(draft, draft.length - 1, 1)[0];
    case 'shift':
      return () => replace(draft, 0, 1)[0];
    case 'splice':
      return (...args) => {
        const [start, remove, ...elements] = args;
        const position = relative(start, draft.length);
        const count = args.length === 1 ? draft.length : toInteger(remove);
        return replace(draft, position, count, elements);
      };
    case 'reverse':
    case 'sort':
      return (...args) => {
        const elements = Array.from({ length: draft.length }, (_, position) => draft.readAt(position));
        elements[name](...(args as [])); // Array checks them
        draft.splice(0, draft.length, elements.map(looseSlot));
        return draft.proxy;
      };
    default:
      return undefined;
  }
}

/** Puts elements in the place of others, as far as there are any, and returns those. */
function replace(draft: ArrayDraft, position: number, count: number, elements: readonly unknown[] = []): unknown[] {
  const removed: unknown[] = [];
  for (let at = position; at >= 0 && at < Math.min(draft.length, position + count); at += 1) {
    removed.push(draft.readAt(at));
  }
  draft.splice(Math.max(0, position), removed.length, elements.map(looseSlot));
  return removed;
}

/** A position as Array's methods take it: from the end when negative, cut to the array. */
function relative(value: unknown, length: number): number {
  const integer = toInteger(value);
  return integer < 0 ? Math.max(0, length + integer) : Math.min(length, integer);
}

function toInteger(value: unknown): number {
  return Math.trunc(Number(value)) || 0;
}
