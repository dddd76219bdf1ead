/** JSON Patch (RFC 6902) on a tree: all operations go to one draft, so that each container is rebuilt once. */
import { NervError } from '../../errors.ts';
import { decode } from '../../values/decode.ts';
import { unreachable } from '../../assert.ts';
import type { JsonValue } from '../../values/json.ts';
import { parsePointer } from '../../values/pointer.ts';
import type { JsonPatch, PatchOperation } from '../patch.ts';
import type { ArrayDraft } from './array-draft.ts';
import { OpenSession } from './draft-session.ts';
import { Nested, settle, type DraftSlot } from './draft-slot.ts';
import { importValue } from './import-value.ts';
import { ObjectDraft } from './object-draft.ts';
import { ABSENT, sameSlot, TreeNode, type Slot } from './slot.ts';

/**
 * The slot after the patch. All operations apply, or none.
 * @throws `state/invalid-patch` or `state/patch-test-failed` with `details.index`, the operation's, and its path;
 * `value/malformed` for a value that is not in the encoded form
 */
export function applyPatch(slot: Slot, patch: JsonPatch): Slot {
  const patched = new PatchedDocument(slot);
  for (const [index, operation] of patch.entries()) patched.apply(operation, index);
  return patched.finish();
}

/** The place that a pointer names: a member of a draft, or the whole document. */
type Place =
  | { readonly type: 'root' }
  | { readonly type: 'entry'; readonly draft: ObjectDraft; readonly key: string }
  | { readonly type: 'element'; readonly draft: ArrayDraft; readonly position: number };

class PatchedDocument {
  readonly #session = new OpenSession();
  #root: DraftSlot;
  #operation: PatchOperation | undefined;
  #index = 0;

  constructor(root: Slot) {
    this.#root = root;
  }

  apply(operation: PatchOperation, index: number): void {
    this.#operation = operation;
    this.#index = index;
    switch (operation.op) {
      case 'add':
        return this.#add(operation.path, slotOf(operation));
      case 'remove':
        return this.#remove(operation.path);
      case 'replace':
        return this.#replace(operation.path, slotOf(operation));
      case 'move':
        return this.#move(operation.from, operation.path);
      case 'copy':
        return this.#add(operation.path, settle(this.#find(operation.from), operation.from));
      case 'test':
        return this.#test(operation.path, slotOf(operation));
      default:
        return unreachable(operation, 'patch operation');
    }
  }

  finish(): Slot {
    const slot = settle(this.#root, '');
    this.#session.isOpen = false;
    return slot;
  }

  #add(path: string, slot: DraftSlot): void {
    const place = this.#place(path);
    if (place.type === 'root') this.#root = slot;
    else if (place.type === 'entry') place.draft.put(place.key, slot);
    else place.draft.splice(place.position, 0, [slot]);
  }

  #replace(path: string, slot: DraftSlot): void {
    const place = this.#place(path);
    this.#slotAt(place, path);
    if (place.type === 'root') this.#root = slot;
    else if (place.type === 'entry') place.draft.put(place.key, slot);
    else place.draft.putAt(place.position, slot);
  }

  #remove(path: string): void {
    const place = this.#place(path);
    this.#slotAt(place, path);
    if (place.type === 'root') this.#fail('removes the whole state, which must stay; replace it');
    else if (place.type === 'entry') place.draft.remove(place.key);
    else place.draft.splice(place.position, 1, []);
  }

  #move(from: string, path: string): void {
    if (path.startsWith(`${from}/`)) this.#fail(`moves '${from}' into itself`);
    const moved = this.#find(from);
    if (from === path) return;
    this.#remove(from);
    this.#add(path, moved);
  }

  #test(path: string, slot: Slot): void {
    if (sameSlot(settle(this.#find(path), path), slot)) return;
    throw new NervError(
      'state/patch-test-failed',
      `The state at '${path}' is not what operation ${this.#index} of the patch expects.`,
      {
        details: { index: this.#index, path },
      },
    );
  }

  /** What a path leads to, which must be there. */
  #find(path: string): DraftSlot {
    return this.#slotAt(this.#place(path), path);
  }

  #slotAt(place: Place, path: string): DraftSlot {
    if (place.type === 'root') return this.#root;
    const slot = place.type === 'entry' ? place.draft.slotOf(place.key) : place.draft.slotAt(place.position);
    return slot === ABSENT ? this.#fail(`needs '${path}', which is not there`) : slot;
  }

  #place(path: string): Place {
    const segments = parsePointer(path);
    const last = segments.pop();
    if (last === undefined) return { type: 'root' };
    let draft = this.#open(this.#root, (nested) => (this.#root = nested), path);
    for (const segment of segments) draft = this.#child(draft, segment, path);
    if (draft instanceof ObjectDraft) return { type: 'entry', draft, key: this.#key(last, path) };
    return {
      type: 'element',
      draft,
      position: last === '-' ? draft.length : this.#position(draft, last, path),
    };
  }

  #child(draft: ObjectDraft | ArrayDraft, name: string, path: string): ObjectDraft | ArrayDraft {
    if (draft instanceof ObjectDraft) {
      const key = this.#key(name, path);
      return this.#open(draft.slotOf(key), (nested) => draft.put(key, nested), path);
    }
    const position = this.#position(draft, name, path);
    return this.#open(draft.slotAt(position), (nested) => draft.putAt(position, nested), path);
  }

  #open(slot: DraftSlot | typeof ABSENT, keep: (nested: Nested) => void, path: string): ObjectDraft | ArrayDraft {
    if (slot instanceof Nested) {
      // Every nested draft of this document was made below.
      return slot.draft as ObjectDraft | ArrayDraft;
    }
    if (slot instanceof TreeNode) {
      const draft = this.#session.makeDraft(slot);
      keep(new Nested(draft));
      return draft;
    }
    return this.#fail(
      slot === ABSENT ? `needs '${path}', which lies in nothing` : `needs '${path}', which lies in no object or array`,
    );
  }

  /** The user's key for a segment of the encoded form. */
  #key(segment: string, path: string): string {
    if (segment.charCodeAt(0) !== 0x24) return segment;
    if (segment.charCodeAt(1) === 0x24) return segment.slice(1);
    return this.#fail(`names '${path}': '${segment}' is no key; a user's own key would be '$${segment}'`);
  }

  #position(draft: ArrayDraft, segment: string, path: string): number {
    if (!/^(0|[1-9][0-9]*)$/.test(segment)) this.#fail(`names '${path}': '${segment}' is no array index`);
    const position = Number(segment);
    return position <= draft.length
      ? position
      : this.#fail(`names '${path}', but the array has ${draft.length} elements`);
  }

  #fail(what: string): never {
    const path = this.#operation?.path;
    throw new NervError('state/invalid-patch', `Operation ${this.#index} of the patch ${what}.`, {
      details: { index: this.#index, path },
    });
  }
}

function slotOf({ path, value }: { readonly path: string; readonly value: JsonValue }): Slot {
  return importValue(decode(value), path, () => undefined);
}
