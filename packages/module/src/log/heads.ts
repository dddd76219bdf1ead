import type { Context } from '../schema/database.ts';

/** How far a scope has come; what is undefined stays as it was. */
export interface HeadMove {
  readonly seq: bigint | undefined;
  readonly recentNumber: bigint | undefined;
}

/** Moves a scope's public head, and makes the scope with a random key if it is new. */
export function bumpHead(ctx: Context, scope: string, move: HeadMove): void {
  const { db } = ctx;
  const known = db.scope.name.find(scope);
  if (known === null) {
    const scopeKey = ctx.newUuidV4().toString();
    db.scope.insert({ name: scope, scopeKey, createdAt: ctx.timestamp });
    db.head.insert({ scopeKey, seq: move.seq ?? 0n, recentNumber: move.recentNumber ?? 0n });
    return;
  }
  const head = db.head.scopeKey.find(known.scopeKey);
  if (head === null) throw new Error(`the scope ${scope} has no head`);
  db.head.scopeKey.update({
    scopeKey: known.scopeKey,
    seq: move.seq ?? head.seq,
    recentNumber: move.recentNumber ?? head.recentNumber,
  });
}
