/** The schema this code reads and writes; `schema_version.codeVersion` says it to clients. */
export const CODE_VERSION = 2;
/** The oldest client schema this code can serve. */
export const OLDEST_CLIENT = 1;
/** The oldest module schema that this client can use. */
export const OLDEST_MODULE = 2;
/** The module's release, for messages. */
export const MODULE_RELEASE = '0.1.0';
