// All entities and relations, without rules: whoever writes here keeps the graph's promises.
//
// - An entity's relations are listed under both its ends, in the order in which they came, whether the ends are here
//   or not (a replica may get a relation before its ends).

import type { Entity, Relation } from './entity.ts';
import { RowTable } from './row-table.ts';

/** The properties to index, of entities and of relations. */
export interface IndexedProperties {
  readonly entities?: readonly string[] | undefined;
  readonly relations?: readonly string[] | undefined;
}

/** The rows of a graph and the ways to find them. */
export class GraphStore {
  readonly entities: RowTable<Entity>;
  readonly relations: RowTable<Relation>;
  readonly #outgoing = new Map<string, Map<string, Relation>>();
  readonly #incoming = new Map<string, Map<string, Relation>>();

  constructor(indexed: IndexedProperties) {
    this.entities = new RowTable(indexed.entities ?? []);
    this.relations = new RowTable(indexed.relations ?? []);
  }

  putEntity(entity: Entity): Entity | undefined {
    return this.entities.put(entity);
  }

  removeEntity(id: string): Entity | undefined {
    return this.entities.remove(id);
  }

  putRelation(relation: Relation): Relation | undefined {
    const before = this.relations.put(relation);
    if (before !== undefined && before.from !== relation.from) unlink(this.#outgoing, before.from, before.id);
    if (before !== undefined && before.to !== relation.to) unlink(this.#incoming, before.to, before.id);
    link(this.#outgoing, relation.from, relation);
    link(this.#incoming, relation.to, relation);
    return before;
  }

  removeRelation(id: string): Relation | undefined {
    const before = this.relations.remove(id);
    if (before === undefined) return undefined;
    unlink(this.#outgoing, before.from, id);
    unlink(this.#incoming, before.to, id);
    return before;
  }

  /** The relations that begin at an entity, by id. The map is the store's own: it is read, at once, and never kept. */
  outgoing(entityId: string): ReadonlyMap<string, Relation> {
    return this.#outgoing.get(entityId) ?? NO_RELATIONS;
  }

  /** The relations that end at an entity, as `outgoing`. */
  incoming(entityId: string): ReadonlyMap<string, Relation> {
    return this.#incoming.get(entityId) ?? NO_RELATIONS;
  }
}

const NO_RELATIONS: ReadonlyMap<string, Relation> = new Map();

function link(ends: Map<string, Map<string, Relation>>, entityId: string, relation: Relation): void {
  const relations = ends.get(entityId);
  if (relations === undefined) ends.set(entityId, new Map([[relation.id, relation]]));
  else relations.set(relation.id, relation);
}

function unlink(ends: Map<string, Map<string, Relation>>, entityId: string, relationId: string): void {
  const relations = ends.get(entityId);
  relations?.delete(relationId);
  if (relations?.size === 0) ends.delete(entityId);
}
