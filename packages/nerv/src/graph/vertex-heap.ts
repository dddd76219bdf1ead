// A binary heap: the entry at n lies over those at 2n + 1 and 2n + 2, and costs no more than they do.

import type { EntityVertex } from './vertex.ts';

interface Entry {
  readonly vertex: EntityVertex;
  readonly cost: number;
}

/** Vertices, the cheapest first. The same vertex may be in it more than once. */
export class VertexHeap {
  readonly #entries: Entry[] = [];

  /** What the first vertex costs; infinity if there is none. */
  get firstCost(): number {
    return costAt(this.#entries, 0);
  }

  push(vertex: EntityVertex, cost: number): void {
    const entries = this.#entries;
    const entry = { vertex, cost };
    let place = entries.length;
    entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = entries[parent];
      if (above === undefined || above.cost <= cost) break;
      entries[place] = above;
      place = parent;
    }
    entries[place] = entry;
  }

  pop(): EntityVertex | undefined {
    const [first] = this.#entries;
    const last = this.#entries.pop();
    if (last !== undefined && this.#entries.length > 0) this.#sink(last);
    return first?.vertex;
  }

  #sink(entry: Entry): void {
    const entries = this.#entries;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      const child = costAt(entries, right) < costAt(entries, left) ? right : left;
      const below = entries[child];
      if (below === undefined || below.cost >= entry.cost) break;
      entries[place] = below;
      place = child;
    }
    entries[place] = entry;
  }
}

function costAt(entries: readonly Entry[], place: number): number {
  return entries[place]?.cost ?? Number.POSITIVE_INFINITY;
}
