/** The schema this code reads and writes; `schema_version.codeVersion` says it to clients. */
export const CODE_VERSION = 3;
/** The oldest client schema this code can serve. */
export const OLDEST_CLIENT = 1;
/** The oldest module schema that this client can use. */
export const OLDEST_MODULE = 2;
/** The first module schema that prunes the past of the graph. */
export const HISTORY_PRUNING_SINCE = 3;
/** The first module schema that knows the op `afterRequest`. */
export const ORDERED_REQUESTS_SINCE = 3;
/** The first module schema that lists scopes by pages. */
export const SCOPE_PAGES_SINCE = 3;
/** The module's release, for messages. */
export const MODULE_RELEASE = '0.1.0';
