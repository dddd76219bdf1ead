import { ArrayDraft } from './array-draft.ts';
import type { DraftSession } from './draft-slot.ts';
import { ObjectDraft } from './object-draft.ts';
import type { TreeNode } from './slot.ts';

/** A session whose drafts are of these two classes. Whoever opens it closes it: `isOpen = false`. */
export class OpenSession implements DraftSession {
  isOpen = true;

  makeDraft(base: TreeNode): ObjectDraft | ArrayDraft {
    return base.kind === 'array' ? new ArrayDraft(this, base) : new ObjectDraft(this, base);
  }
}
