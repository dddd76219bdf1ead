import type { EntityPatch, Properties, RelationPatch } from './entity.ts';

/** The fields that new entities and relations share. */
export interface RowInput {
  readonly id: string;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: Properties | undefined;
  readonly createdAt?: number | undefined;
  readonly validFrom?: number | undefined;
  readonly validTo?: number | undefined;
}

/** Creates an entity, or puts it in the place of the one of its id and type. */
export interface WriteEntity {
  readonly type: 'create-entity' | 'upsert-entity';
  readonly entityType: string;
  readonly input: RowInput;
  readonly at: number;
}

/** Changes some fields of an entity. */
export interface UpdateEntity {
  readonly type: 'update-entity';
  readonly id: string;
  readonly patch: EntityPatch;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

/** Deletes an entity. */
export interface DeleteEntity {
  readonly type: 'delete-entity';
  readonly id: string;
  readonly cascade: boolean;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

/** Creates a relation, or puts it in the place of the one of its id, type and ends. */
export interface WriteRelation {
  readonly type: 'create-relation' | 'upsert-relation';
  readonly relationType: string;
  readonly from: string;
  readonly to: string;
  readonly strength?: number | undefined;
  readonly bidirectional?: boolean | undefined;
  readonly input: RowInput;
  readonly at: number;
}

/** Changes some fields of a relation. */
export interface UpdateRelation {
  readonly type: 'update-relation';
  readonly id: string;
  readonly patch: RelationPatch;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

/** Deletes a relation. */
export interface DeleteRelation {
  readonly type: 'delete-relation';
  readonly id: string;
  readonly ifSeq?: number | undefined;
  readonly at: number;
}

/**
 * One write, as data: it can be kept, sent, and applied again with the same outcome on the same rows.
 * `at` is the time of the write in milliseconds since 1970.
 */
export type GraphOperation =
  | WriteEntity
  | UpdateEntity
  | DeleteEntity
  | WriteRelation
  | UpdateRelation
  | DeleteRelation;
