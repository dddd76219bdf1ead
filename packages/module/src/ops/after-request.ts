import { refuse } from '../refusals/refused.ts';
import type { AfterRequestOp } from '../schema/op-types.ts';
import { checkId } from '../values/checks.ts';
import { isSameIdentity } from '../values/library-values.ts';
import type { Work } from './work.ts';

/** Refuses the request unless another one of its caller was applied before. Of other identities' requests it tells nothing. */
export function afterRequest({ db, ctx }: Work, { requestId }: AfterRequestOp): void {
  checkId(requestId, 'request id');
  const earlier = db.request.requestId.find(requestId);
  if (earlier !== null && isSameIdentity(earlier.identity, ctx.sender)) return;
  refuse(
    'request/out-of-order',
    `Your request '${requestId}', which this one comes after, has not been applied. Send that one first, then this again.`,
    { ids: [requestId] },
  );
}
