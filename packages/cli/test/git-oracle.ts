import { execFileSync } from 'node:child_process';
import { isUtf8 } from 'node:buffer';
import { ALL_REFERENCES, ALL_VERSIONS, pages, type Universe } from 'inner-universe';
import { expect } from 'vitest';

/** Runs git in a repository; gives its bytes. */
export function gitBytes(repository: string, ...args: string[]): Buffer {
  return execFileSync('git', ['-C', repository, ...args], { maxBuffer: 1 << 30 });
}

/** What git says of a repository, read by other commands than the importer's. */
export class GitOracle {
  readonly path: string;
  readonly head: string;
  /** Each commit with its parents, newest first. */
  readonly parents: ReadonlyMap<string, readonly string[]>;
  readonly #trees = new Map<string, Record<string, { mode: string; blob: string }>>();

  constructor(path: string, ref = 'HEAD') {
    this.path = path;
    this.head = gitBytes(path, 'rev-parse', `${ref}^{commit}`).toString().trim();
    const lines = gitBytes(path, 'rev-list', '--parents', this.head).toString().trim().split('\n');
    this.parents = new Map(lines.map((line) => line.split(' ')).map(([id = '', ...parents]) => [id, parents]));
  }

  /** `git ls-tree -r` as a state: path key to mode and blob. */
  tree(commit: string): Record<string, { mode: string; blob: string }> {
    const known = this.#trees.get(commit);
    if (known !== undefined) return known;
    const entries: [string, { mode: string; blob: string }][] = [];
    let rest = gitBytes(this.path, 'ls-tree', '-r', '-z', '--full-tree', commit);
    while (rest.length > 0) {
      const end = rest.indexOf(0);
      const tab = rest.indexOf('\t');
      const [mode = '', , blob = ''] = rest.subarray(0, tab).toString().split(' ');
      entries.push([keyOf(rest.subarray(tab + 1, end)), { mode, blob }]);
      rest = rest.subarray(end + 1);
    }
    const tree = Object.fromEntries(entries); // not by assignment: `__proto__` is an ordinary key
    this.#trees.set(commit, tree);
    return tree;
  }

  /** Paths in which a commit differs from its first parent. */
  touched(commit: string): readonly string[] {
    const [first] = this.parents.get(commit) ?? [];
    const before = new Map(first === undefined ? [] : Object.entries(this.tree(first)));
    const after = new Map(Object.entries(this.tree(commit)));
    const differs = (path: string): boolean => {
      const [left, right] = [before.get(path), after.get(path)];
      return left?.mode !== right?.mode || left?.blob !== right?.blob;
    };
    return [...new Set([...before.keys(), ...after.keys()])].filter(differs);
  }
}

/** Valid UTF-8 is its own key, unless it looks like an escaped one. */
function keyOf(path: Buffer): string {
  if (!isUtf8(path)) return `bytes:${path.toString('base64')}`;
  const text = path.toString();
  return text.startsWith('bytes:') ? `bytes:${text}` : text;
}

/** Checks everything a universe says of a repository that is the only one in it against git. */
export async function expectAsGitSays(
  universe: Universe,
  oracle: GitOracle,
  { name, branch, states }: { name: string; branch: string; states?: readonly string[] | undefined },
): Promise<void> {
  const prefix = `git:${name}:`;
  const parents = new Map<string, readonly string[]>();
  for await (const page of pages((cursor) =>
    universe.client.read('readVersions', { ...ALL_VERSIONS, store: 'git:tree', cursor }),
  )) {
    for (const entry of page.versions) parents.set(entry.version.versionId, entry.parents);
  }
  const expected = [...oracle.parents].map(([id, ids]) => [prefix + id, ids.map((parent) => prefix + parent)] as const);
  expect(parents).toEqual(new Map(expected));
  // Parents come before their children.
  const order = new Map([...parents.keys()].map((id, index) => [id, index]));
  for (const [id, ids] of parents)
    for (const parent of ids) expect(order.get(parent)).toBeLessThan(order.get(id) as number);

  for (const commit of states ?? oracle.parents.keys()) {
    const { tree } = await universe.states.load(prefix + commit);
    expect(tree.toValue(), commit).toEqual(oracle.tree(commit));
  }
  const { branches } = await universe.client.read('readBranches', { ...ALL_REFERENCES, store: 'git:tree' });
  expect(branches.map((row) => [row.name, row.head])).toEqual([[branch, prefix + oracle.head]]);
}

/** Checks the counts of a universe that holds one repository and nothing else. */
export async function expectCountsAsGitSays(universe: Universe, oracle: GitOracle): Promise<void> {
  const commits = [...oracle.parents.keys()];
  const touched = commits.map((commit) => oracle.touched(commit));
  const files = new Set(touched.flat());
  const people = gitBytes(oracle.path, 'log', '-z', '--format=%an <%ae>', oracle.head).toString('latin1').split('\0');
  const authors = new Set(people.filter((text) => text !== ''));
  const links = [...oracle.parents.values()].reduce((sum, ids) => sum + ids.length, 0);
  const status = await universe.client.read('readStatus', {});
  expect({
    events: status.events,
    versions: status.versions,
    entities: status.entities,
    relations: status.relations,
  }).toEqual({
    events: BigInt(commits.length),
    versions: BigInt(commits.length),
    entities: BigInt(1 + authors.size + commits.length + files.size),
    relations: BigInt(commits.length + links + touched.flat().length),
  });
}
