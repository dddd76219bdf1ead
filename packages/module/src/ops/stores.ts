import { refuse } from '../refusals/refused.ts';
import type { Work } from './work.ts';

/** Makes a store with its first version, or refuses one that lies in another scope. */
export function openStore(work: Work, store: string, scope: string, seq: bigint): void {
  const known = findStoreScope(work, store);
  if (known === undefined) {
    work.db.stateStore.insert({ store, scope, publisher: work.ctx.sender, createdAt: work.now, seq });
    work.storeScopes.set(store, scope);
  } else if (known !== scope) {
    refuse('scope/mismatch', `The store '${store}' lies in another scope than ${scope}.`, {
      ids: [store],
      details: { scope },
    });
  }
}

/** The scope of a store the caller may commit to; refuses one that does not exist. */
export function requireStore(work: Work, store: string): string {
  const scope = findStoreScope(work, store);
  if (scope === undefined || !mayKnowStore(work, store, scope)) {
    work.access.require('commit', { kind: 'store', name: store, scope: '' });
    return refuse('state/unknown-store', `There is no store '${store}'.`, { ids: [store] });
  }
  requireStoreAccess(work, store, scope);
  return scope;
}

/** Whether the caller may learn that a store exists. */
export function mayKnowStore(work: Work, store: string, scope: string): boolean {
  return work.access.mayKnowOf('commit', { kind: 'store', name: store, scope });
}

/** Refuses whoever may not commit to a store. */
export function requireStoreAccess(work: Work, store: string, scope: string): void {
  work.access.require('commit', { kind: 'store', name: store, scope });
}

function findStoreScope(work: Work, store: string): string | undefined {
  const known = work.storeScopes.get(store);
  if (known !== undefined) return known;
  const row = work.db.stateStore.store.find(store);
  if (row === null) return undefined;
  work.storeScopes.set(store, row.scope);
  return row.scope;
}
