import type { MergeConflict } from '../errors.ts';
import { StateTree } from './state-tree.ts';
import type { MergeStrategy, Resolution } from './temporal-store.ts';
import { knownSlot } from './tree/draft-slot.ts';
import { importValue } from './tree/import-value.ts';
import { mergeSlots, type SlotConflict } from './tree/merge.ts';
import { ABSENT, slotToValue, type MaybeSlot } from './tree/slot.ts';

/** Three states to merge; without a base, both sides are taken as grown from nothing. */
export interface MergeSides {
  readonly base: StateTree | undefined;
  readonly ours: StateTree;
  readonly theirs: StateTree;
}

/** What came of it: the merged state, `ours` standing where nothing was decided, and those places. */
export interface MergedState {
  readonly tree: StateTree;
  readonly conflicts: readonly MergeConflict[];
}

/** Merges three states by a strategy. Pure; costs by what either side changed. */
export function mergeStates(sides: MergeSides, strategy: MergeStrategy): MergedState {
  const conflicts: MergeConflict[] = [];
  const base: MaybeSlot = sides.base === undefined ? ABSENT : sides.base.slot;
  const resolve = (conflict: SlotConflict): MaybeSlot => {
    const shown = showConflict(conflict);
    const decided = decide(conflict, strategy.resolve?.(shown));
    if (decided !== undefined) return decided.slot;
    if (strategy.strategy === 'ours') return conflict.ours;
    if (strategy.strategy === 'theirs') return conflict.theirs;
    conflicts.push(shown);
    return conflict.ours;
  };
  const slot = mergeSlots({ base, ours: sides.ours.slot, theirs: sides.theirs.slot }, resolve, strategy.lists);
  return { tree: slot === ABSENT ? sides.ours : StateTree.ofSlot(slot), conflicts };
}

/** Decides a conflict for neither side: a value that tells both, and that nobody else has put there. */
export function undecided({ ours, theirs }: MergeConflict): Resolution {
  return { value: new Map(Object.entries({ ours, theirs })) };
}

function decide(conflict: SlotConflict, resolution: Resolution): { readonly slot: MaybeSlot } | undefined {
  if (resolution === undefined) return undefined;
  if ('take' in resolution) return { slot: conflict[resolution.take] };
  if ('remove' in resolution) return { slot: ABSENT };
  return { slot: importValue(resolution.value, conflict.path, knownSlot) };
}

function showConflict({ path, base, ours, theirs }: SlotConflict): MergeConflict {
  return { path, base: show(base), ours: show(ours), theirs: show(theirs) };
}

function show(slot: MaybeSlot): unknown {
  return slot === ABSENT ? undefined : slotToValue(slot);
}
