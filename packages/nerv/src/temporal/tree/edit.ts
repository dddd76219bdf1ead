import { NervError } from '../../errors.ts';
import { isPromiseLike } from '../../events/promise-like.ts';
import { OpenSession } from './draft-session.ts';
import { TreeNode, type Slot } from './slot.ts';

/** The slot after changes made through a draft. @throws as `StateTree.edit` */
export function editSlot<S>(slot: Slot, change: (draft: S) => unknown): Slot {
  if (!(slot instanceof TreeNode)) throw invalid('Only objects and arrays are drafted. Commit the new value.');
  const session = new OpenSession();
  try {
    const draft = session.makeDraft(slot);
    // The draft's proxy behaves as the value it stands for.
    const result = change(draft.proxy as S);
    if (isPromiseLike(result)) throw invalid('A draft function is synchronous. Await first.');
    return draft.finish('');
  } finally {
    session.isOpen = false;
  }
}

function invalid(message: string): NervError {
  return new NervError('state/invalid-argument', message);
}
