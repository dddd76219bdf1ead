import { toPropertyAccess, toPropertyKey } from './identifier.ts';

/**
 * An object literal of what a map holds under dotted names, nested by them: `lib.item` stands at `lib: { item: … }`.
 * `source` is the expression of the flat map. Where a name is also a namespace, the namespace stays out of its way.
 */
export function nestByNamespace(names: readonly string[], source: string, indent = ''): string {
  const root: Namespace = { members: new Map(), inner: new Map() };
  for (const name of names) {
    const path = name.split('.');
    const last = path.pop() ?? name;
    let place = root;
    for (const part of path) place = enter(place, part);
    place.members.set(last, `${source}${toPropertyAccess(name)}`);
  }
  return writeNamespace(root, indent);
}

/** Whether any of the names belongs to a submodule. */
export function hasNamespaces(names: readonly string[]): boolean {
  return names.some((name) => name.includes('.'));
}

interface Namespace {
  readonly members: Map<string, string>;
  readonly inner: Map<string, Namespace>;
}

function enter(place: Namespace, part: string): Namespace {
  const known = place.inner.get(part);
  if (known !== undefined) return known;
  const made: Namespace = { members: new Map(), inner: new Map() };
  place.inner.set(part, made);
  return made;
}

function writeNamespace({ members, inner }: Namespace, indent: string): string {
  const lines = [...members].map(([name, text]) => `${indent}  ${toPropertyKey(name)}: ${text},\n`);
  for (const [name, namespace] of inner) {
    if (members.has(name)) continue;
    lines.push(`${indent}  ${toPropertyKey(name)}: ${writeNamespace(namespace, `${indent}  `)},\n`);
  }
  return `{\n${lines.join('')}${indent}}`;
}
