// The vertices and edges of the present.
//
// - An edge lies in the lists of both its vertices, at the place it knows of each.
// - No list has more holes than relations, but for short ones. `NO_EDGES` stays empty: it is the list of all who have none.

import type { Entity, Relation } from './entity.ts';
import type { Edge, Edges, Vertex } from './vertex.ts';

const HOLES_ALLOWED = 8;

const NO_EDGES: StoredEdge[] = [];

/** A vertex that changes with the graph. */
export class StoredVertex implements Vertex {
  row: Entity | undefined;
  mark = 0;
  readonly out: StoredEdges = new StoredEdges('outPlace');
  readonly in: StoredEdges = new StoredEdges('inPlace');

  constructor(row: Entity | undefined) {
    this.row = row;
  }

  get isBare(): boolean {
    return this.out.count === 0 && this.in.count === 0;
  }
}

/** An edge that changes with the graph; its ends never do. */
export class StoredEdge implements Edge {
  row: Relation;
  readonly from: StoredVertex;
  readonly to: StoredVertex;
  outPlace = 0;
  inPlace = 0;

  constructor(row: Relation, from: StoredVertex, to: StoredVertex) {
    this.row = row;
    this.from = from;
    this.to = to;
    from.out.add(this);
    to.in.add(this);
  }

  /** Puts another row of the same ends in. */
  update(row: Relation): void {
    const change = Number(row.bidirectional) - Number(this.row.bidirectional);
    this.from.out.twoWay += change;
    this.to.in.twoWay += change;
    this.row = row;
  }

  /** Takes it out of the lists of both its ends. */
  unlink(): void {
    this.from.out.remove(this);
    this.to.in.remove(this);
  }
}

/** Edges that come and go in constant time on average. */
class StoredEdges implements Edges<StoredEdge> {
  list: (StoredEdge | undefined)[] = NO_EDGES;
  count = 0;
  twoWay = 0;
  readonly #place: 'outPlace' | 'inPlace';

  constructor(place: 'outPlace' | 'inPlace') {
    this.#place = place;
  }

  add(edge: StoredEdge): void {
    edge[this.#place] = this.list.length;
    if (this.list === NO_EDGES) this.list = [edge];
    else this.list.push(edge);
    this.count += 1;
    this.twoWay += Number(edge.row.bidirectional);
  }

  remove(edge: StoredEdge): void {
    this.list[edge[this.#place]] = undefined;
    this.count -= 1;
    this.twoWay -= Number(edge.row.bidirectional);
    if (this.list.length > 2 * this.count + HOLES_ALLOWED) this.#close();
  }

  // A walk that goes on over the old list meanwhile, as a subscriber of its caller may write, sees it as it was.
  #close(): void {
    const list = this.list.filter((edge) => edge !== undefined);
    for (const [place, edge] of list.entries()) edge[this.#place] = place;
    this.list = list;
  }
}
