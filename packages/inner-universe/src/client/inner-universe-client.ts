import {
  makeWireTimestamp,
  type CreateEntityOp,
  type CreateRelationOp,
  type DeleteEntityOp,
  type DeleteRelationOp,
  type EntityRow,
  type EventLogRow,
  type EventsPage,
  type PublishEventOp,
  type ReadEventsArguments,
  type ReadEntitiesArguments,
  type ReadRelationsArguments,
  type EntitiesPage,
  type RelationsPage,
  type RecordDeltaOp,
  type RecordVersionOp,
  type RelationRow,
  type SetConfigurationOp,
  type StatusResult,
  type UpdateEntityOp,
  type UpdateRelationOp,
  type VersionEntry,
} from '@inner-universe/module/wire';
import type { CallOptions } from '../connection/connection.ts';
import type { LiveEvent } from './change-source.ts';
import { ObservedClient } from '../observability/observed-client.ts';
import { ModuleClient, type ClientParts } from './client.ts';
import type { WriteOptions } from './request-queue.ts';
import {
  collectPermissions,
  makeGrantOp,
  makeRevokeOp,
  makeRoleOp,
  requireSettings,
  type AccessGrant,
  type GrantTarget,
  type Permissions,
  type PermissionsQuery,
  type RoleMembership,
} from './permissions.ts';
import { ALL_ENTITIES, ALL_EVENTS, ALL_RELATIONS, ALL_VERSIONS, pages } from './reads.ts';

/** What a change of the log's subject was. */
export type ChangeType = 'INSERTED' | 'UPDATED' | 'DELETED';

/** Told of changes by id, in the order of the log. */
export type ChangeListener = (type: ChangeType, ids: readonly string[], seq: bigint) => void;

/**
 * The operations of the module by name, in its own terms: texts and rows, nothing interpreted. The adapters (`events`,
 * `states`, `graph`) are what applications use; this is what they are made of.
 */
export class InnerUniverseClient extends ObservedClient {
  readonly #checkConfiguration: ClientParts['checkConfiguration'];

  constructor(...[parts, following]: ConstructorParameters<typeof ModuleClient>) {
    super(parts, following);
    this.#checkConfiguration = parts.checkConfiguration;
  }

  static override async open(parts: ClientParts, call: CallOptions = {}): Promise<InnerUniverseClient> {
    return ModuleClient.openAs(InnerUniverseClient, parts, call);
  }

  publishEvent(op: PublishEventOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'publishEvent', value: op }], options);
  }

  queryEvents(query: Partial<ReadEventsArguments> = {}, options?: CallOptions): Promise<EventsPage> {
    return this.read('readEvents', { ...ALL_EVENTS, ...query }, options);
  }

  createEntity(op: CreateEntityOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'createEntity', value: op }], options);
  }

  async getEntity(id: string, options?: CallOptions): Promise<EntityRow | undefined> {
    return (await this.readCached('readEntities', { ...ALL_ENTITIES, ids: [id] }, options)).entities[0];
  }

  updateEntity(op: UpdateEntityOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'updateEntity', value: op }], options);
  }

  deleteEntity(op: DeleteEntityOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'deleteEntity', value: op }], options);
  }

  queryEntities(query: Partial<ReadEntitiesArguments> = {}, options?: CallOptions): Promise<EntitiesPage> {
    return this.read('readEntities', { ...ALL_ENTITIES, ...query }, options);
  }

  createRelation(op: CreateRelationOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'createRelation', value: op }], options);
  }

  async getRelation(id: string, options?: CallOptions): Promise<RelationRow | undefined> {
    return (await this.readCached('readRelations', { ...ALL_RELATIONS, ids: [id] }, options)).relations[0];
  }

  updateRelation(op: UpdateRelationOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'updateRelation', value: op }], options);
  }

  deleteRelation(op: DeleteRelationOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'deleteRelation', value: op }], options);
  }

  queryRelations(query: Partial<ReadRelationsArguments> = {}, options?: CallOptions): Promise<RelationsPage> {
    return this.read('readRelations', { ...ALL_RELATIONS, ...query }, options);
  }

  commitStateVersion(op: RecordVersionOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'recordVersion', value: op }], options);
  }

  recordDelta(op: RecordDeltaOp, options?: WriteOptions): Promise<void> {
    return this.write([{ tag: 'recordDelta', value: op }], options);
  }

  /** Versions of a store, newest first, by pages; `timeoutMs` is for each page. */
  async *getVersionHistory(store: string, options?: CallOptions): AsyncGenerator<VersionEntry, void, undefined> {
    for await (const page of pages((cursor) =>
      this.read('readVersions', { ...ALL_VERSIONS, store, descending: true, cursor }, options),
    )) {
      yield* page.versions;
    }
  }

  getSystemStatus(options?: CallOptions): Promise<StatusResult> {
    return this.read('readStatus', {}, options);
  }

  /**
   * Sets configuration keys (JSON texts); a key without a value goes back to its default.
   * @throws {NervPersistenceError} `config/invalid`; {RefusedError} `config/unknown-key`, `permission/denied`
   */
  async applyConfiguration(settings: readonly SetConfigurationOp[], options?: WriteOptions): Promise<void> {
    requireSettings(settings);
    for (const { key, value } of settings) this.#checkConfiguration?.(key, value);
    return this.write(
      settings.map((value) => ({ tag: 'setConfiguration', value })),
      options,
    );
  }

  /**
   * Lets an identity or a role do something; given again, only the end changes. For the owner, and holders of
   * `grant:admin` for the resource.
   * @throws {NervPersistenceError} `value/malformed`; {RefusedError} `permission/denied`, `limit/storage`
   */
  async grantAccess(grant: AccessGrant, options?: WriteOptions): Promise<void> {
    return this.write([makeGrantOp(grant)], options);
  }

  /**
   * Takes one grant back; what the same identity holds by others it keeps.
   * @throws {NervPersistenceError} `value/malformed`; {RefusedError} `grant/not-found`, `permission/denied`
   */
  async revokeAccess(grant: GrantTarget, options?: WriteOptions): Promise<void> {
    return this.write([makeRevokeOp(grant)], options);
  }

  /** Gives an identity all that `role:<role>` holds, now and later. For the owner. @throws as `grantAccess` */
  async addRoleMember(membership: RoleMembership, options?: WriteOptions): Promise<void> {
    return this.write([makeRoleOp('addRoleMember', membership)], options);
  }

  /** Takes an identity out of a role. For the owner. @throws as `revokeAccess` */
  async removeRoleMember(membership: RoleMembership, options?: WriteOptions): Promise<void> {
    return this.write([makeRoleOp('removeRoleMember', membership)], options);
  }

  /**
   * All grants and members of roles; of what they administer, and of their own, for holders of `grant:admin`.
   * `timeoutMs` is for each page. @throws {RefusedError} `permission/denied` for everybody else
   */
  async listPermissions(query: PermissionsQuery = {}, options?: CallOptions): Promise<Permissions> {
    return collectPermissions(query, (args) => this.read('readPermissions', args, options));
  }

  /** Every event that is recorded or broadcast from now on. */
  subscribeEventLogChanges(listener: (type: 'INSERTED', event: LiveEvent) => void): () => void {
    return this.listen((events) => {
      for (const event of events) if (event.kind === 'application') listener('INSERTED', event);
    });
  }

  subscribeEntityChanges(listener: ChangeListener): () => void {
    return this.#subscribeRecords('ENTITY', listener);
  }

  subscribeRelationChanges(listener: ChangeListener): () => void {
    return this.#subscribeRecords('RELATION', listener);
  }

  /** Versions as they are recorded. */
  subscribeStateVersionChanges(listener: ChangeListener): () => void {
    return this.listen((events) => {
      for (const event of events) {
        if (event.kind === 'system' && event.eventType === 'STATE_VERSION_COMMITTED')
          listener('INSERTED', idsOf(event), event.seq);
      }
    });
  }

  /** A time as the module takes it; now by default. */
  timestamp(micros: bigint = this.clock.nowMicros()): ReturnType<typeof makeWireTimestamp> {
    return makeWireTimestamp(micros);
  }

  #subscribeRecords(subject: 'ENTITY' | 'RELATION', listener: ChangeListener): () => void {
    const types: Readonly<Record<string, ChangeType>> = {
      [`${subject}_CREATED`]: 'INSERTED',
      [`${subject}_UPDATED`]: 'UPDATED',
      [`${subject}_DELETED`]: 'DELETED',
    };
    return this.listen((events) => {
      for (const event of events) {
        const type = event.kind === 'system' ? types[event.eventType] : undefined;
        if (type !== undefined) listener(type, idsOf(event), event.seq);
      }
    });
  }
}

/** The ids that a record of the module lists. */
export function idsOf(record: Pick<EventLogRow, 'data'>): readonly string[] {
  const { ids = [] } = JSON.parse(record.data) as { ids?: readonly string[] };
  return ids;
}
