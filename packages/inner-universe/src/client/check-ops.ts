import type { Op } from '@inner-universe/module/wire';
import type { NervError } from '@inner-universe/nerv';
import { tryFindNearest } from '../controller/nearest-name.ts';
import { NervPersistenceError } from '../errors.ts';
import type { LaterWrite } from './client.ts';
import { makeOpChecks, makeWireError } from './check-wire.ts';
import { cutByBytes } from './op-size.ts';
import type { OpGroups } from './queued-write.ts';

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
const CHECKS = makeOpChecks();
const NOTHING = {};

/**
 * Why these are no ops, for programs without types; undefined for what are. It looks at names, forms and types: what they
 * mean the module checks. Found before anything is queued, it takes nothing else back, and what is queued can be kept.
 */
export function findOpFault(ops: readonly Op[]): NervError<string> | undefined {
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
    const wrong = CHECKS.get(tag)?.(value);
    if (wrong !== undefined) return makeWireError(`ops[${count - 1}].value`, wrong);
  }
  return undefined;
}

/** Chunks, and behind them the ops that refer to them, as groups that are sent in turn. @throws what `findOpFault` finds */
export function makeGroups({ chunks, ops }: LaterWrite): OpGroups {
  const fault = findOpFault(chunks) ?? findOpFault(ops);
  if (fault !== undefined) throw fault;
  return [...cutByBytes(chunks), ops];
}

function makeInvalid(message: string): NervPersistenceError {
  const end = message.endsWith('?') ? '' : '.';
  return new NervPersistenceError('config/invalid', `${message}${end} Nothing was sent.`, {
    details: { field: 'ops' },
  });
}
