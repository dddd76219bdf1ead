// Patterns with wildcards, by their segments: to find all that match a type visits only nodes that its segments reach.
//
// - A node is active at most once per segment, so finding costs at most (segments of the type) x (nodes), whatever
//   the patterns look like.
// - A node without values and without children is not kept.

interface TrieNode<V> {
  readonly values: Set<V>;
  readonly children: Map<string, TrieNode<V>>;
  readonly repeats: boolean;
}

/** A set of values, each kept under a pattern's segments. */
export class PatternTrie<V> {
  readonly #root: TrieNode<V> = makeNode(false);

  /** Keeps a value under a pattern. */
  add(segments: readonly string[], value: V): void {
    let node = this.#root;
    for (const segment of segments) {
      let child = node.children.get(segment);
      if (child === undefined) {
        child = makeNode(segment === '**');
        node.children.set(segment, child);
      }
      node = child;
    }
    node.values.add(value);
  }

  /** Removes a value from under a pattern, if it is there. */
  remove(segments: readonly string[], value: V): void {
    const path: TrieNode<V>[] = [this.#root];
    let node = this.#root;
    for (const segment of segments) {
      const child = node.children.get(segment);
      if (child === undefined) return;
      path.push(child);
      node = child;
    }
    node.values.delete(value);
    for (let depth = segments.length; depth > 0; depth -= 1) {
      const last = path[depth];
      const segment = segments[depth - 1];
      if (last === undefined || segment === undefined || last.values.size > 0 || last.children.size > 0) return;
      path[depth - 1]?.children.delete(segment);
    }
  }

  /** All values under patterns that match the type, in no promised order. */
  find(type: string): Set<V> {
    let active = new Set<TrieNode<V>>();
    activate(this.#root, active);
    for (const segment of type.split('.')) {
      const next = new Set<TrieNode<V>>();
      for (const node of active) step(node, segment, next);
      active = next;
    }
    const found = new Set<V>();
    for (const node of active) {
      for (const value of node.values) found.add(value);
    }
    return found;
  }
}

function makeNode<V>(repeats: boolean): TrieNode<V> {
  return { values: new Set(), children: new Map(), repeats };
}

function step<V>(node: TrieNode<V>, segment: string, next: Set<TrieNode<V>>): void {
  if (node.repeats) activate(node, next);
  const exact = node.children.get(segment);
  if (exact !== undefined) activate(exact, next);
  const any = node.children.get('*');
  if (any !== undefined) activate(any, next);
}

// A '**' also stands for no segment, so whatever follows it is active as soon as it is.
function activate<V>(node: TrieNode<V>, active: Set<TrieNode<V>>): void {
  if (active.has(node)) return;
  active.add(node);
  const repeating = node.children.get('**');
  if (repeating !== undefined) activate(repeating, active);
}
