export { openUniverse } from './open-universe.ts';
export type { Universe } from './universe.ts';
export {
  InnerUniverseConfig,
  type DiskOptions,
  type MemoryOptions,
  type Placement,
  type ServerOptions,
  type UniverseOptions,
} from './controller/config.ts';
export { InnerUniverseController, type ControllerState } from './controller/controller.ts';
export { InnerUniverseClient, type ChangeListener, type ChangeType } from './client/inner-universe-client.ts';
export type { ApplyOptions, ModuleClient } from './client/client.ts';
export type { LiveListener } from './client/change-feed.ts';
export type { LiveEvent, ReadPage } from './client/change-source.ts';
export type { RowFollowing } from './client/row-followers.ts';
export { findModule } from './controller/module-bundle.ts';
export { opByteLength } from './client/op-size.ts';
export { makeStoredText, type StoredText } from './client/value-text.ts';
export {
  ALL_ENTITIES,
  ALL_EVENTS,
  ALL_REFERENCES,
  ALL_RELATIONS,
  ALL_VERSIONS,
  pages,
  type ReadName,
  type Reads,
} from './client/reads.ts';
export type { CallOptions, Connection, Connector } from './connection/connection.ts';
export type { LinkState } from './connection/link.ts';
export { EncryptionError } from './encryption/encryption-error.ts';
export type { EncryptionOptions, EventField, GraphField, StateField } from './encryption/encryption.ts';
export type { FieldPolicy, FieldPolicyMap, Fields } from './encryption/field-policies.ts';
export { FileKeyStore } from './encryption/file-key-store.ts';
export { openKeyRing, type KeyRing, type KeyRingOptions, type KeyStatus } from './encryption/key-ring.ts';
export { MemoryKeyStore, type KeyStore, type StoredKey, type StoredKeys } from './encryption/key-store.ts';
export {
  makeKeyWrapper,
  makeRandomKey,
  type KeyEncryptionKeys,
  type KeyWrapper,
  type WrappedKey,
} from './encryption/key-wrapper.ts';
export { ConnectionError, NervPersistenceError, RefusedError, type PersistenceErrorCode } from './errors.ts';
export { SpacetimeEventBus, type SpacetimeEventBusOptions } from './events/spacetime-event-bus.ts';
export { SpacetimeEntityGraph, type SpacetimeEntityGraphOptions } from './graph/spacetime-entity-graph.ts';
export { SpacetimeTemporalStore, type TemporalStoreOptions } from './temporal/spacetime-temporal-store.ts';
export { StateStores } from './temporal/state-stores.ts';
export type { LoadedState } from './temporal/version-reader.ts';
