/**
 * The methods of Array that change it, on drafts: what they change is said in splices, not element by element, so that
 * a push or a shift costs the same however long the array is. All other methods are Array's own.
 */
import type { ArrayDraft } from './array-draft.ts';
import { looseSlot } from './draft-slot.ts';

type ArrayMethod = (draft: ArrayDraft, args: readonly unknown[]) => unknown;

/** The changing method of this name, bound to the draft. */
export function tryArrayMethod(draft: ArrayDraft, name: string): ((...args: unknown[]) => unknown) | undefined {
  const method = METHODS.get(name);
  return method && ((...args) => method(draft, args));
}

const METHODS: ReadonlyMap<string, ArrayMethod> = new Map<string, ArrayMethod>([
  ['push', (draft, args) => insert(draft, draft.length, args)],
  ['unshift', (draft, args) => insert(draft, 0, args)],
  ['pop', (draft) => take(draft, draft.length - 1, 1)[0]],
  ['shift', (draft) => take(draft, 0, 1)[0]],
  ['splice', spliceElements],
  ['reverse', (draft) => rearrange(draft, (elements) => elements.reverse())],
  ['sort', (draft, [compare]) => rearrange(draft, (elements) => elements.sort(compare as Comparator | undefined))], // Array checks it
  ['fill', fill],
  ['copyWithin', (draft, args) => rearrange(draft, (elements) => elements.copyWithin(...(args as [number, number])))], // Array checks them
]);

type Comparator = (a: unknown, b: unknown) => number;

function insert(draft: ArrayDraft, position: number, elements: readonly unknown[]): number {
  draft.splice(position, 0, elements.map(looseSlot));
  return draft.length;
}

/** Takes elements out and returns them. */
function take(draft: ArrayDraft, position: number, count: number): unknown[] {
  if (position < 0) return [];
  const taken = read(draft, position, Math.min(draft.length, position + count));
  draft.splice(position, taken.length, []);
  return taken;
}

function spliceElements(draft: ArrayDraft, args: readonly unknown[]): unknown[] {
  const [start, remove, ...elements] = args;
  const position = relative(start, draft.length, 0);
  const left = draft.length - position;
  const count = args.length === 0 ? 0 : args.length === 1 ? left : Math.min(left, Math.max(0, toInteger(remove)));
  const removed = read(draft, position, position + count);
  draft.splice(position, count, elements.map(looseSlot));
  return removed;
}

function fill(draft: ArrayDraft, [value, start, end]: readonly unknown[]): object {
  const to = relative(end, draft.length, draft.length);
  for (let position = relative(start, draft.length, 0); position < to; position += 1)
    draft.putAt(position, looseSlot(value));
  return draft.proxy;
}

function rearrange(draft: ArrayDraft, change: (elements: unknown[]) => unknown): object {
  const elements = read(draft, 0, draft.length);
  change(elements);
  draft.splice(0, draft.length, elements.map(looseSlot));
  return draft.proxy;
}

function read(draft: ArrayDraft, from: number, to: number): unknown[] {
  const elements: unknown[] = [];
  for (let position = from; position < to; position += 1) {
    elements.push(draft.readAt(position));
  }
  return elements;
}

/** A position as Array's methods take it: from the end when negative, cut to the array. */
function relative(value: unknown, length: number, whenAbsent: number): number {
  if (value === undefined) return whenAbsent;
  const integer = toInteger(value);
  return integer < 0 ? Math.max(0, length + integer) : Math.min(length, integer);
}

function toInteger(value: unknown): number {
  const number = Math.trunc(Number(value));
  return Number.isNaN(number) ? 0 : number;
}
