/**
 * The reducers. Clients write through `apply`; the others named after one thing are wrappers of it with one op, or
 * with one list of ops. `SPEC.md` lists them all.
 */
import { t } from 'spacetimedb/server';
import { connect, disconnect, initialise } from './lifecycle/lifecycle.ts';
import { maintain } from './maintenance/maintenance.ts';
import { migrateStep } from './migrations/migrate.ts';
import { applyOne, applyRequest } from './ops/request.ts';
import { database } from './schema/database.ts';
import {
  consumerAdvance,
  createEntityOp,
  createRelationOp,
  createTagOp,
  deleteEntityOp,
  deleteRelationOp,
  grantOp,
  moveBranchOp,
  op,
  publishEventOp,
  recordDeltaOp,
  recordSnapshotOp,
  recordVersionOp,
  revokeOp,
  setConfigurationOp,
  trimEventsOp,
  updateEntityOp,
  updateRelationOp,
  uploadChunkOp,
} from './schema/op-types.ts';
import { maintenanceTimer } from './schema/system-tables.ts';

const request = { requestId: t.string(), issuedAt: t.timestamp() };

/** Runs once, when the module is first published. */
export const init = database.init((ctx) => initialise(ctx));
/** Runs when a client connects; refuses whoever has no grant. */
export const clientConnected = database.clientConnected((ctx) => connect(ctx));
/** Runs when a client is gone. */
export const clientDisconnected = database.clientDisconnected((ctx) => disconnect(ctx));

/** One step of maintenance; the timer calls it, and the owner may. */
export const runMaintenance = database.reducer(
  { onSchedule: maintenanceTimer },
  { timer: maintenanceTimer.rowType },
  (ctx) => maintain(ctx),
);

/** Applies a request: all of its ops, or none. */
export const apply = database.reducer(
  { ...request, consumer: t.option(consumerAdvance), ops: t.array(op) },
  (ctx, args) => applyRequest(ctx, args),
);

/** Publishes one event. */
export const publishEvent = database.reducer({ ...request, op: publishEventOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'publishEvent', value: args.op }),
);

/** Creates one entity. */
export const createEntity = database.reducer({ ...request, op: createEntityOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'createEntity', value: args.op }),
);

/** Changes one entity. */
export const updateEntity = database.reducer({ ...request, op: updateEntityOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'updateEntity', value: args.op }),
);

/** Deletes one entity. */
export const deleteEntity = database.reducer({ ...request, op: deleteEntityOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'deleteEntity', value: args.op }),
);

/** Creates one relation. */
export const createRelation = database.reducer({ ...request, op: createRelationOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'createRelation', value: args.op }),
);

/** Changes one relation. */
export const updateRelation = database.reducer({ ...request, op: updateRelationOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'updateRelation', value: args.op }),
);

/** Deletes one relation. */
export const deleteRelation = database.reducer({ ...request, op: deleteRelationOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'deleteRelation', value: args.op }),
);

/** Records one version of a state. */
export const commitStateVersion = database.reducer({ ...request, op: recordVersionOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'recordVersion', value: args.op }),
);

/** Records the delta of a version that has none. */
export const recordDelta = database.reducer({ ...request, op: recordDeltaOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'recordDelta', value: args.op }),
);

/** Records the whole state of a version. */
export const recordSnapshot = database.reducer({ ...request, op: recordSnapshotOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'recordSnapshot', value: args.op }),
);

/** Creates or moves one branch. */
export const moveBranch = database.reducer({ ...request, op: moveBranchOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'moveBranch', value: args.op }),
);

/** Names one version. */
export const createTag = database.reducer({ ...request, op: createTagOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'createTag', value: args.op }),
);

/** Uploads one piece of a large value. */
export const uploadChunk = database.reducer({ ...request, op: uploadChunkOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'uploadChunk', value: args.op }),
);

/** Grants one action on one resource. */
export const grantAccess = database.reducer({ ...request, op: grantOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'grant', value: args.op }),
);

/** Takes one grant back. */
export const revokeAccess = database.reducer({ ...request, op: revokeOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'revoke', value: args.op }),
);

/** Removes the oldest part of the log, which an archive holds. */
export const trimEvents = database.reducer({ ...request, op: trimEventsOp }, (ctx, args) =>
  applyOne(ctx, args, { tag: 'trimEvents', value: args.op }),
);

/** Sets or resets settings. */
export const applyConfiguration = database.reducer(
  { ...request, settings: t.array(setConfigurationOp) },
  (ctx, { settings, ...rest }) =>
    applyRequest(ctx, {
      ...rest,
      ops: settings.map((value) => ({ tag: 'setConfiguration' as const, value })),
    }),
);

/** Takes one step of a migration, for the owner: the one to `to`, if it stands at `cursor`. */
export const migrate = database.reducer({ to: t.u32(), cursor: t.string() }, (ctx, args) => migrateStep(ctx, args));
