import type { Value } from '../values/json.ts';

/** What an entity or relation says about itself beyond its fixed fields: plain, storable data, frozen. */
export type Properties = { readonly [key: string]: Value };

/** A thing with an identity. Frozen; a change makes a new one. Times are in milliseconds since 1970. */
export interface Entity<Type extends string = string, P extends object = Properties> {
  readonly id: string;
  readonly type: Type;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly properties: Readonly<P>;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** When it began to hold in the world it tells of, whenever that was recorded; undefined: always. */
  readonly validFrom: number | undefined;
  /** When it stopped to hold: the first moment at which it does not; undefined: never. */
  readonly validTo: number | undefined;
  /** The place in the log of the write that made it so; undefined while it has none. */
  readonly seq: number | undefined;
}

/** A directed tie between two entities; `bidirectional` ones can be walked both ways. Frozen, as entities are. */
export interface Relation<Type extends string = string, P extends object = Properties> extends Entity<Type, P> {
  readonly from: string;
  readonly to: string;
  readonly strength: number;
  readonly bidirectional: boolean;
}

/** The user's types: property types by entity type and by relation type. What is left out may be anything. */
export interface GraphSchema {
  readonly entities?: object;
  readonly relations?: object;
}

type EntityMap<S extends GraphSchema> = S extends { readonly entities: infer M extends object }
  ? M
  : Record<string, Properties>;

type RelationMap<S extends GraphSchema> = S extends { readonly relations: infer M extends object }
  ? M
  : Record<string, Properties>;

type PropertiesIn<M extends object, T extends keyof M> = M[T] extends object ? M[T] : Properties;

/** The entity types of a schema. */
export type EntityTypeOf<S extends GraphSchema> = Extract<keyof EntityMap<S>, string>;

/** The relation types of a schema. */
export type RelationTypeOf<S extends GraphSchema> = Extract<keyof RelationMap<S>, string>;

/** The entities of a schema, or of some of its types, told apart by `type`. */
export type EntityOf<S extends GraphSchema, T extends EntityTypeOf<S> = EntityTypeOf<S>> = {
  [K in T]: Entity<K, EntityProperties<S, K>>;
}[T];

/** The relations of a schema, or of some of its types, told apart by `type`. */
export type RelationOf<S extends GraphSchema, T extends RelationTypeOf<S> = RelationTypeOf<S>> = {
  [K in T]: Relation<K, RelationProperties<S, K>>;
}[T];

/** The properties of an entity type. */
export type EntityProperties<S extends GraphSchema, T extends EntityTypeOf<S>> = PropertiesIn<EntityMap<S>, T>;

/** The properties of a relation type. */
export type RelationProperties<S extends GraphSchema, T extends RelationTypeOf<S>> = PropertiesIn<RelationMap<S>, T>;

/** An entity or relation, by its id or by itself. */
export type Reference = string | { readonly id: string };

interface InputFields {
  /** Default: a new UUIDv7. */
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Milliseconds since 1970; default: now. */
  readonly createdAt?: number | undefined;
  readonly validFrom?: number | undefined;
  /** Not before `validFrom`. */
  readonly validTo?: number | undefined;
}

type PropertiesInput<P extends object> = {} extends P
  ? { readonly properties?: Readonly<P> | undefined }
  : { readonly properties: Readonly<P> };

/** What an entity is made of. It is copied. */
export type EntityInput<P extends object = Properties> = InputFields & PropertiesInput<P>;

interface RelationFields {
  readonly from: Reference;
  readonly to: Reference;
  /** Any finite number; default 1. */
  readonly strength?: number | undefined;
  /** Default false. */
  readonly bidirectional?: boolean | undefined;
}

/** What a relation is made of. It is copied. */
export type RelationInput<P extends object = Properties> = InputFields & RelationFields & PropertiesInput<P>;

/**
 * A change to some fields; what is left out, or undefined, stays. `properties` sets the keys it has and leaves the
 * others; `removeProperties` takes keys away.
 */
export interface EntityPatch<P extends object = Properties> {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly properties?: Partial<Readonly<P>> | undefined;
  readonly removeProperties?: readonly string[] | undefined;
  readonly validFrom?: number | undefined;
  readonly validTo?: number | undefined;
  /** Takes both bounds of validity away before the given ones are set. Default false. */
  readonly clearValidity?: boolean | undefined;
}

/** As `EntityPatch`; the ends of a relation cannot change. */
export interface RelationPatch<P extends object = Properties> extends EntityPatch<P> {
  readonly strength?: number | undefined;
  readonly bidirectional?: boolean | undefined;
}

/** A condition on the row a write is made against. */
export interface WriteOptions {
  /** The `seq` the row must have; otherwise the write is refused with `entity/seq-mismatch` (or `relation/…`). */
  readonly ifSeq?: number | undefined;
}

/** How to delete an entity. */
export interface DeleteEntityOptions extends WriteOptions {
  /** Delete its relations too, instead of refusing with `entity/has-relations`. Default false. */
  readonly cascade?: boolean | undefined;
}
