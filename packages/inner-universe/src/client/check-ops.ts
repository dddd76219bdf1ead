import type { Op } from '@inner-universe/module/wire';
import { tryFindNearest } from '../controller/nearest-name.ts';
import { NervPersistenceError } from '../errors.ts';

/** Every op there is: one that is new has to be named here, or this does not compile. */
const OP_TAGS: { readonly [Tag in Op['tag']]: true } = {
  publishEvent: true,
  createEntity: true,
  updateEntity: true,
  deleteEntity: true,
  createRelation: true,
  updateRelation: true,
  deleteRelation: true,
  recordVersion: true,
  recordDelta: true,
  recordSnapshot: true,
  moveBranch: true,
  deleteBranch: true,
  createTag: true,
  deleteTag: true,
  uploadChunk: true,
  setConfiguration: true,
  grant: true,
  revoke: true,
  addRoleMember: true,
  removeRoleMember: true,
  createConsumer: true,
  deleteConsumer: true,
  claimPartition: true,
  releasePartition: true,
  advancePartition: true,
  parkEvent: true,
  discardDeadLetter: true,
  trimEvents: true,
  seekConsumer: true,
  retryDeadLetter: true,
  joinConsumer: true,
  leaveConsumer: true,
  compactVersions: true,
  pruneVersions: true,
  afterRequest: true,
  pruneHistory: true,
};
const NAMES: readonly string[] = Object.keys(OP_TAGS);
const TAGS: ReadonlySet<unknown> = new Set(NAMES);
const NOTHING = {};

/**
 * Why these are no ops, for programs without types; undefined for what are. It looks at names and forms: what is in an
 * op the module checks. Found before anything is sent, it takes nothing else back.
 */
export function findOpFault(ops: readonly Op[]): NervPersistenceError | undefined {
  if (!Array.isArray(ops)) return makeInvalid('A write takes an array of ops');
  let count = 0;
  for (const op of ops as readonly unknown[]) {
    count += 1;
    const { tag, value } = (op ?? NOTHING) as { readonly tag?: unknown; readonly value?: unknown }; // both are looked at here
    if (!TAGS.has(tag)) {
      const meant = typeof tag === 'string' ? tryFindNearest(tag, NAMES) : undefined;
      const hint = meant === undefined ? `there are ${NAMES.join(', ')}` : `did you mean '${meant}'?`;
      return makeInvalid(`There is no op '${String(tag).slice(0, 100)}' (the ${count}. of this write): ${hint}`);
    }
    if (typeof value !== 'object' || value === null) return makeInvalid(`The op '${String(tag)}' has no value`);
  }
  return undefined;
}

function makeInvalid(message: string): NervPersistenceError {
  const end = message.endsWith('?') ? '' : '.';
  return new NervPersistenceError('config/invalid', `${message}${end} Nothing was sent.`, {
    details: { field: 'ops' },
  });
}
