/** Lists whose elements have an identity: merged element by element, wherever each of them stands. */
import { appendPointer, parsePointer } from '../../values/pointer.ts';
import type { ListMerger, ListSides, MergeAt, MergedList, MergeSlots } from './merge.ts';
import { ABSENT, sameSlot, TreeNode, type Slot } from './slot.ts';
import { buildNode, makeElements } from './splice.ts';

/**
 * Merges lists by the identity of their elements, for `MergeOptions.lists`: which property holds it, by JSON pointers to
 * the lists, in which `*` stands for any one segment: `byIdentity({ '/items': 'id' })`.
 *
 * An element that one side changed, moved, added or removed is so in the result; what both sides changed in one element
 * is merged as anywhere else, and an element that one side removed and the other changed is a conflict, told by its place
 * in `ours`, else in `theirs`. New elements stand behind the one they were put behind, ours first. Where both sides moved
 * elements that they share, into different orders, the whole list is one conflict. A list that has an element without
 * identity, or one twice, on any side, is merged as other lists are.
 * @throws `state/invalid-patch` for what is no pointer
 */
export function byIdentity(lists: Readonly<Record<string, string>>): ListMerger {
  const rules = Object.entries(lists).map(([pattern, property]) => ({
    segments: parsePointer(pattern),
    property,
  }));
  return (path, sides, mergeAt) => {
    const segments = parsePointer(path);
    const rule = rules.find((candidate) => matches(candidate.segments, segments));
    return rule === undefined ? undefined : mergeKeyed({ path, sides, property: rule.property, mergeAt });
  };
}

interface KeyedMerge {
  readonly path: string;
  readonly sides: ListSides;
  readonly property: string;
  readonly mergeAt: MergeAt;
}

/** The elements of one list by their identity, in order. */
type Keyed = ReadonlyMap<unknown, Slot>;

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((segment, index) => segment === '*' || segment === segments[index])
  );
}

function mergeKeyed({ path, sides, property, mergeAt }: KeyedMerge): MergedList | undefined {
  const base = tryKeyed(sides.base, property);
  const ours = tryKeyed(sides.ours, property);
  const theirs = tryKeyed(sides.theirs, property);
  if (base === undefined || ours === undefined || theirs === undefined) return undefined;
  const order = tryOrder(base, ours, theirs);
  if (order === undefined) return { slot: mergeAt.conflict() };
  const places = new Map([...positions(theirs), ...positions(ours)]);
  const elements: Slot[] = [];
  for (const key of order) {
    // `order` has the keys of `ours` and `theirs`, and no others.
    const element: MergeSlots = {
      base: base.get(key) ?? ABSENT,
      ours: ours.get(key) ?? ABSENT,
      theirs: theirs.get(key) ?? ABSENT,
    };
    const merged = mergeAt.element(element, appendPointer(path, places.get(key) as number));
    if (merged !== ABSENT) elements.push(merged);
  }
  const list = buildNode('array', makeElements(elements));
  return { slot: sameSlot(list, sides.ours) ? sides.ours : list };
}

/** `undefined` when an element has no identity, or shares it. */
function tryKeyed(list: TreeNode, property: string): Keyed | undefined {
  const keyed = new Map<unknown, Slot>();
  list.root?.forEach((slot) => {
    const key = slot instanceof TreeNode && slot.kind === 'object' ? slot.find(property) : ABSENT;
    if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint') keyed.set(key, slot);
  });
  return keyed.size === list.count ? keyed : undefined;
}

function positions(list: Keyed): [unknown, number][] {
  return [...list.keys()].map((key, index) => [key, index]);
}

/** The order of all elements that any side has; `undefined` when both sides moved those they share, differently. */
function tryOrder(base: Keyed, ours: Keyed, theirs: Keyed): unknown[] | undefined {
  const shared = (list: Keyed): unknown[] =>
    [...list.keys()].filter((key) => base.has(key) && ours.has(key) && theirs.has(key));
  const before = shared(base);
  const our = shared(ours);
  const their = shared(theirs);
  if (sameOrder(before, their)) return placed([...ours.keys()], [...theirs.keys()]);
  if (sameOrder(before, our) || sameOrder(our, their)) return placed([...theirs.keys()], [...ours.keys()], true);
  return undefined;
}

function sameOrder(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.every((key, index) => key === b[index]);
}

/**
 * The first order, and what only the second has behind the element that it follows there. Of elements that both put
 * behind the same one, `guestsFirst` has the second's stand first.
 */
function placed(host: readonly unknown[], guest: readonly unknown[], guestsFirst = false): unknown[] {
  const inHost = new Set(host);
  const following = new Map<unknown, unknown[]>();
  let anchor: unknown = undefined;
  for (const key of guest) {
    if (inHost.has(key)) anchor = key;
    else following.set(anchor, [...(following.get(anchor) ?? []), key]);
  }
  const inGuest = new Set(guest);
  const order: unknown[] = [];
  let waiting: readonly unknown[] = following.get(undefined) ?? [];
  for (const key of host) {
    // What the host alone has, behind the same element, is passed before the guests are let in.
    if (guestsFirst || inGuest.has(key)) {
      order.push(...waiting);
      waiting = [];
    }
    order.push(key);
    if (inGuest.has(key)) waiting = following.get(key) ?? [];
  }
  return [...order, ...waiting];
}
