/** The scope of everything that names no other. */
export const DEFAULT_SCOPE = 'main';

/** The scope of records about permissions, settings, connections and trimming, which a scope's readers should not see. */
export const SYSTEM_SCOPE = '$system';

/** How the text of a value column is to be read: in itself, sealed by the client, or lying in `chunk` rows. */
export const VALUE_ENCODINGS = ['json/1', 'sealed/1', 'chunks/1'] as const;
/** One of `VALUE_ENCODINGS`. */
export type ValueEncoding = (typeof VALUE_ENCODINGS)[number];

/** What an event is: published by a client, or a record the module made of its own changes. */
export type EventKind = 'application' | 'system';

/** Whether an event is kept in the log or only broadcast. */
export type EventDurability = 'durable' | 'ephemeral';

/** What a row of `entity_history` or `relation_history` tells. A `deleted` row holds the last value, as a tombstone. */
export type HistoryOperation = 'created' | 'updated' | 'deleted';

/** The types of the module's own records. */
export const SYSTEM_EVENT_TYPES = [
  'SYSTEM_INITIALIZED',
  'ENTITY_CREATED',
  'ENTITY_UPDATED',
  'ENTITY_DELETED',
  'RELATION_CREATED',
  'RELATION_UPDATED',
  'RELATION_DELETED',
  'STATE_VERSION_COMMITTED',
  'DELTA_RECORDED',
  'SNAPSHOT_RECORDED',
  'BRANCH_MOVED',
  'BRANCH_DELETED',
  'TAG_CREATED',
  'TAG_DELETED',
  'CONFIGURATION_APPLIED',
  'GRANT_CHANGED',
  'EVENTS_TRIMMED',
  'SCHEMA_MIGRATED',
  'CONSUMER_MOVED',
  'VERSIONS_COMPACTED',
  'VERSIONS_PRUNED',
  'HISTORY_PRUNED',
  'CLIENT_CONNECTED',
  'CLIENT_DISCONNECTED',
] as const;
/** One of `SYSTEM_EVENT_TYPES`. */
export type SystemEventType = (typeof SYSTEM_EVENT_TYPES)[number];

/** The `source` of the module's own records; their ids are `system:` and their `seq`. */
export const SYSTEM_SOURCE = 'inner-universe';
/** The prefix of the ids of the module's own records; clients may not use it. */
export const SYSTEM_ID_PREFIX = 'system:';

/**
 * What a grant may allow. `write` stands for `publish`, `create`, `update`, `delete` and `commit` together;
 * `grant:admin` for a resource allows granting and revoking within it.
 */
export const GRANT_ACTIONS = [
  'read',
  'write',
  'publish',
  'create',
  'update',
  'delete',
  'commit',
  'consume',
  'configure',
  'grant:admin',
] as const;
/** One of `GRANT_ACTIONS`. */
export type GrantAction = (typeof GRANT_ACTIONS)[number];

/**
 * What the part of a grant's resource before its first colon may be. `event:<pattern>`, `entity:<type>`,
 * `relation:<type>`, `store:<name>`, `scope:<name>`, `config:<key>`; `*` after the colon stands for all (an event
 * pattern says `**`).
 */
export const RESOURCE_KINDS = ['event', 'entity', 'relation', 'store', 'scope', 'config'] as const;
/** One of `RESOURCE_KINDS`. */
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

/** The role whose grants everybody has while `guests` is set in the configuration. */
export const GUEST_ROLE = 'guest';

/** The configuration's keys; the values are JSON texts. `SPEC.md` gives each one's form and default. */
export const CONFIGURATION_KEYS = [
  'audit_connections',
  'guests',
  'history',
  'indexes',
  'limits',
  'retention',
  'trusted_issuers',
] as const;
/** One of `CONFIGURATION_KEYS`. */
export type ConfigurationKey = (typeof CONFIGURATION_KEYS)[number];
