/**
 * Every limit the module enforces. Bytes are UTF-8 bytes of text, or raw bytes of chunks. A request or value over a
 * limit is refused by name and size; nothing is ever cut silently.
 */

/** Ops in one request. */
export const MAX_REQUEST_OPS = 1_000;
/** Bytes of all texts, ids and chunks in one request's ops together. */
export const MAX_REQUEST_BYTES = 1_048_576;
/** Bytes of an id, an entity or relation type, a scope, a store, a branch, a tag, a role or a digest. */
export const MAX_ID_BYTES = 128;
/** Bytes of an entity's or relation's display name. */
export const MAX_NAME_BYTES = 4_096;
/** Bytes of a label (author, source, holder) or a partition key. */
export const MAX_LABEL_BYTES = 1_024;
/** Bytes of a description. */
export const MAX_DESCRIPTION_BYTES = 262_144;
/** Bytes of the reason why an event was parked. */
export const MAX_REASON_BYTES = 4_096;
/** Bytes of one value (`data`, `metadata`, `properties`, `delta`, `state`) stored inline; more goes into chunks. */
export const MAX_INLINE_VALUE_BYTES = 262_144;
/** Bytes of one chunk. */
export const MAX_CHUNK_BYTES = 262_144;
/** Chunks of one value: 64 MiB in all. */
export const MAX_CHUNKS = 256;
/** Bytes of one value, however it is stored. */
export const MAX_VALUE_BYTES = MAX_CHUNKS * MAX_CHUNK_BYTES;
/** Tags of one entity or relation. */
export const MAX_TAGS = 64;
/** Parents of one version. */
export const MAX_PARENTS = 256;
/** Rows one request may delete beyond those its ops name (the relations of entities deleted with `cascade`). */
export const MAX_CASCADE_ROWS = 1_000;
/** Rows of one page. */
export const MAX_PAGE_ROWS = 1_000;
/** Bytes of one page. */
export const MAX_PAGE_BYTES = 1_048_576;
/** Ids that one read may ask for by name. */
export const MAX_READ_IDS = 1_000;
/** Bytes of a refusal's JSON. */
export const MAX_REFUSAL_BYTES = 4_096;
/** How long a request id is remembered, and how old a request may be, in microseconds: seven days. */
export const REQUEST_MAX_AGE_MICROS = 604_800_000_000n;
/** How far ahead a caller's clock may be, in microseconds: an hour. A request from further ahead is refused. */
export const MAX_CLOCK_LEAD_MICROS = 3_600_000_000n;
/** How long a chunk that nothing refers to is kept, in microseconds: a day. */
export const CHUNK_MAX_AGE_MICROS = 86_400_000_000n;
/** Ephemeral events kept per scope for readers that page. */
export const RECENT_EVENTS = 1_024;
/** Rows that one trim or one maintenance step removes. */
export const MAX_TRIM_ROWS = 1_000;
/** Partitions of one consumer. */
export const MAX_PARTITIONS = 256;
/** Workers of one consumer at a time. */
export const MAX_CONSUMER_WORKERS = 256;
/** Up to how many grants there are, others than the owner may make one. */
export const MAX_GRANTS = 100_000;
/** Up to how many grants a subject has, others than the owner may give it one more. */
export const MAX_SUBJECT_GRANTS = 1_000;
/** Up to how many consumers there are, others than the owner may make one. */
export const MAX_CONSUMERS = 1_000;
/** Up to how many parked events there are, of all consumers, others than the owner may park one. */
export const MAX_DEAD_LETTERS = 100_000;
/** Up to how many scopes there are, others than the owner may make one. */
export const MAX_SCOPES = 10_000;
/** Open connections of one identity, the owner's excepted. */
export const MAX_IDENTITY_CONNECTIONS = 256;
/** Up to how many connections are open, others than the owner may open one. */
export const MAX_CONNECTIONS = 10_000;
/** The longest lease of a consumer's partition, in microseconds: an hour. */
export const MAX_LEASE_MICROS = 3_600_000_000n;
