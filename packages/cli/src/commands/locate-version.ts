import { makeWireTimestamp, type VersionEntry } from '@inner-universe/module/wire';
import { ALL_ENTITIES, ALL_REFERENCES, ALL_VERSIONS, pages, type Universe } from 'inner-universe';
import { CliError } from '../errors.ts';
import { GIT_STORE } from '../git/commit-ops.ts';

const HEX_PREFIX = /^[0-9a-f]{4,64}$/;

/** The store a command is about: the one named, or the only one there is. */
export async function chooseStore(universe: Universe, named: string | undefined): Promise<string> {
  const names: string[] = [];
  for await (const page of pages((cursor) => universe.client.read('readStores', { scope: '', cursor, limit: 0 }))) {
    names.push(...page.stores.map((row) => row.store));
  }
  if (named !== undefined) {
    if (names.includes(named)) return named;
    throw notFound(`There is no state store '${named}'. ${listNames('Stores', names)}`, { store: named });
  }
  const [only] = names;
  if (only === undefined)
    throw notFound('There is no state store yet. Import a repository or commit a state first.', {});
  if (names.length > 1)
    throw new CliError('cli/usage', `There are several stores; name one with --store. ${listNames('Stores', names)}`);
  return only;
}

/** The branch a command is about: the one named (in full, or by its last part), or the only one, or `main`. */
export async function chooseBranch(
  universe: Universe,
  store: string,
  named: string | undefined,
): Promise<{ name: string; head: string }> {
  const branches = await readBranches(universe, store);
  const wanted = named ?? 'main';
  const exact = branches.find((branch) => branch.name === wanted);
  const byEnd = branches.filter((branch) => branch.name.endsWith(`/${wanted}`));
  const [chosen] =
    exact !== undefined
      ? [exact]
      : byEnd.length === 1
        ? byEnd
        : named === undefined && branches.length === 1
          ? branches
          : [];
  if (chosen !== undefined) return chosen;
  const names = branches.map((branch) => branch.name);
  if (named === undefined && names.length > 0) {
    throw new CliError(
      'cli/usage',
      `Store '${store}' has several branches; name one with --branch. ${listNames('Branches', names)}`,
    );
  }
  throw notFound(`Store '${store}' has no branch '${wanted}'. ${listNames('Branches', names)}`, {
    store,
    branch: wanted,
  });
}

/** A version by its id, or by the object id (or its beginning) of the commit it was imported from. */
export async function locateVersion(universe: Universe, reference: string): Promise<VersionEntry> {
  const exact = await readVersion(universe, reference);
  if (exact !== undefined) return exact;
  const found = HEX_PREFIX.test(reference) ? await findCommits(universe, reference) : [];
  const [only] = found;
  if (only === undefined) {
    throw notFound(`There is no version '${reference}'. List them with: inner-universe versions log.`, {
      version: reference,
    });
  }
  if (found.length > 1) {
    const ids = found.map((entry) => entry.version.versionId);
    throw new CliError(
      'cli/usage',
      `'${reference}' could be several versions: ${ids.slice(0, 5).join(', ')}. Give more digits.`,
    );
  }
  return only;
}

/** The head of the branch; without any branch, as in an import that is not complete, the version recorded last. */
export async function locateNewest(
  universe: Universe,
  store: string,
  branch: string | undefined,
): Promise<VersionEntry> {
  if (branch === undefined && (await readBranches(universe, store)).length === 0) {
    const page = await universe.client.read('readVersions', { ...ALL_VERSIONS, store, descending: true, limit: 1 });
    const [newest] = page.versions;
    if (newest !== undefined) return newest;
  }
  return locateVersion(universe, (await chooseBranch(universe, store, branch)).head);
}

/** The version that was current at a time: by the authors' dates in an imported store, by the log's elsewhere. */
export async function locateVersionAt(
  universe: Universe,
  at: { readonly store: string; readonly branch: string | undefined; readonly timeMs: number },
): Promise<VersionEntry> {
  const branch = await chooseBranch(universe, at.store, at.branch);
  const by = at.store === GIT_STORE ? 'authored' : 'recorded';
  let cursor = '';
  for (;;) {
    const result = await universe.client.read('readVersionAt', {
      store: at.store,
      branch: branch.name,
      time: makeWireTimestamp(BigInt(at.timeMs) * 1000n),
      by,
      cursor,
    });
    if (result.versionId !== undefined && result.versionId !== '') return locateVersion(universe, result.versionId);
    if (!result.more) break;
    cursor = result.cursor;
  }
  const time = new Date(at.timeMs).toISOString();
  throw notFound(`Branch '${branch.name}' of store '${at.store}' had no version at ${time}: it begins later.`, {
    ...at,
    time,
  });
}

async function readBranches(universe: Universe, store: string): Promise<readonly { name: string; head: string }[]> {
  const branches: { name: string; head: string }[] = [];
  for await (const page of pages((cursor) =>
    universe.client.read('readBranches', { ...ALL_REFERENCES, store, cursor }),
  )) {
    branches.push(...page.branches);
  }
  return branches;
}

async function readVersion(universe: Universe, id: string): Promise<VersionEntry | undefined> {
  if (id === '' || Buffer.byteLength(id) > 128) return undefined;
  const page = await universe.client.read('readVersions', { ...ALL_VERSIONS, ids: [id] });
  return page.versions[0];
}

async function findCommits(universe: Universe, prefix: string): Promise<readonly VersionEntry[]> {
  if (prefix.length === 40 || prefix.length === 64) {
    const repositories: string[] = [];
    for await (const page of pages((cursor) =>
      universe.client.read('readEntities', { ...ALL_ENTITIES, entityType: 'git.repository', cursor }),
    )) {
      repositories.push(...page.entities.map((entity) => entity.id));
    }
    const entries = await Promise.all(
      repositories.map((repository) => readVersion(universe, `${repository}:${prefix}`)),
    );
    return entries.filter((entry) => entry !== undefined);
  }
  const found: VersionEntry[] = [];
  for await (const page of pages((cursor) =>
    universe.client.read('readVersions', { ...ALL_VERSIONS, store: GIT_STORE, cursor }),
  )) {
    found.push(
      ...page.versions.filter((entry) =>
        entry.version.versionId.slice(entry.version.versionId.lastIndexOf(':') + 1).startsWith(prefix),
      ),
    );
  }
  return found;
}

function listNames(what: string, names: readonly string[]): string {
  if (names.length === 0) return `There are no ${what.toLowerCase()}.`;
  const shown = names.slice(0, 10).join(', ');
  return `${what} there are: ${shown}${names.length > 10 ? ` and ${names.length - 10} more` : ''}.`;
}

function notFound(message: string, details: Readonly<Record<string, unknown>>): CliError {
  return new CliError('cli/not-found', message, { details });
}
