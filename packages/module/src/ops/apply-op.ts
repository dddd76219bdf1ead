import type { Op } from '../schema/op-types.ts';
import { refuse } from '../refusals/refused.ts';
import { afterRequest } from './after-request.ts';
import { createTag, deleteBranch, deleteTag, moveBranch } from './branches.ts';
import { uploadChunk } from './chunks.ts';
import { compactVersions } from './compaction.ts';
import { pruneHistory } from './history-pruning.ts';
import { pruneVersions } from './pruning.ts';
import {
  advancePartition,
  claimPartition,
  createConsumer,
  deleteConsumer,
  discardDeadLetter,
  parkEvent,
  releasePartition,
} from './consumers.ts';
import { joinConsumer, leaveConsumer } from './consumer-workers.ts';
import { createEntity, deleteEntity, updateEntity } from './entities.ts';
import { publishEvent } from './events.ts';
import { addRoleMember, grantAccess, removeRoleMember, revokeAccess, setConfiguration } from './permissions.ts';
import { createRelation, deleteRelation, updateRelation } from './relations.ts';
import { retryDeadLetter, seekConsumer } from './seeking.ts';
import { trimEvents } from './trimming.ts';
import { recordDelta, recordSnapshot, recordVersion } from './versions.ts';
import type { Work } from './work.ts';

type Handlers = { readonly [T in Op['tag']]: (work: Work, op: Extract<Op, { tag: T }>['value']) => void };

const handlers: Handlers = {
  publishEvent,
  createEntity,
  updateEntity,
  deleteEntity,
  createRelation,
  updateRelation,
  deleteRelation,
  recordVersion,
  recordDelta,
  recordSnapshot,
  moveBranch,
  deleteBranch,
  createTag,
  deleteTag,
  uploadChunk,
  setConfiguration,
  grant: grantAccess,
  revoke: revokeAccess,
  addRoleMember,
  removeRoleMember,
  createConsumer,
  deleteConsumer,
  claimPartition,
  releasePartition,
  advancePartition,
  parkEvent,
  discardDeadLetter,
  trimEvents,
  compactVersions,
  pruneVersions,
  seekConsumer,
  retryDeadLetter,
  joinConsumer,
  leaveConsumer,
  afterRequest,
  pruneHistory,
};

/** Carries out one op: checks it, then writes. Refuses by throwing. */
export function applyOp(work: Work, op: Op): void {
  // The handler of a tag takes the value that comes with that tag; the types cannot say so for a union.
  const handler = handlers[op.tag] as ((work: Work, value: Op['value']) => void) | undefined;
  if (handler === undefined) refuse('value/malformed', `There is no op '${String((op as { tag: unknown }).tag)}'.`);
  handler(work, op.value);
}
