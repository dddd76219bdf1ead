/** Who may do what, who did, and who is here. Columns are for ever. */
import { t, table } from 'spacetimedb/server';

/** Grants: a subject may do an action on a resource. */
export const grant = table(
  {},
  {
    grantKey: t.string().primaryKey(),
    subject: t.string().index('btree'),
    action: t.string(),
    resource: t.string().index('btree'),
    scope: t.string(),
    grantedBy: t.identity(),
    grantedAt: t.timestamp(),
    expiresAt: t.option(t.timestamp()),
    seq: t.u64().index('btree'),
  },
);

/** Members of roles. */
export const roleMember = table(
  {},
  {
    memberKey: t.string().primaryKey(),
    role: t.string().index('btree'),
    member: t.identity().index('btree'),
    grantedBy: t.identity(),
    grantedAt: t.timestamp(),
    seq: t.u64().index('btree'),
  },
);

/** Changes of permissions and configuration. */
export const audit = table(
  {},
  {
    seq: t.u64().index('btree'),
    position: t.u32(),
    action: t.string(),
    subject: t.string().index('btree'),
    resource: t.string(),
    detail: t.string(),
    actor: t.identity().index('btree'),
    requestId: t.string(),
    recordedAt: t.timestamp(),
  },
);

/** How much of its rate each identity has left. */
export const rateBucket = table(
  {},
  {
    identity: t.identity().primaryKey(),
    ops: t.f64(),
    bytes: t.f64(),
    updatedAt: t.timestamp().index('btree'),
  },
);

/** As `rate_bucket`, of reading: who reads much can still write. */
export const readBucket = table(
  {},
  {
    identity: t.identity().primaryKey(),
    ops: t.f64(),
    bytes: t.f64(),
    updatedAt: t.timestamp().index('btree'),
  },
);

/** The connections that are open now. */
export const clientConnection = table(
  {},
  {
    connectionId: t.connectionId().primaryKey(),
    identity: t.identity().index('btree'),
    connectedAt: t.timestamp().index('btree'),
  },
);
