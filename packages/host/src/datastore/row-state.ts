/*
 * The state of a row's slot (`FREE` is the row store's). There is at most one open transaction, so one state tells
 * what is committed and what the transaction sees:
 *
 *   state       committed view   transaction's view
 *   COMMITTED   yes              yes
 *   INSERTED    -                yes                 by the open transaction
 *   DELETED     yes              -                   by the open transaction
 *   REPLACED    -                -                   inserted by it, and being replaced by an update
 */
export const COMMITTED = 1;
export const INSERTED = 2;
export const DELETED = 3;
export const REPLACED = 4;

/** Whose eyes a table is read with. */
export type Visibility = 'committed' | 'transaction';

/** Whether a row in this state can be seen. */
export function isVisible(state: number, visibility: Visibility): boolean {
  if (state === COMMITTED) return true;
  return state === (visibility === 'committed' ? DELETED : INSERTED);
}
