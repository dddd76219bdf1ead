import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readModule } from '../../src/module/bundle-module.ts';

/** The releases of SpacetimeDB's library that modules are tested with, and the packages that hold them. */
export const RELEASES = [
  { version: '2.0.4', library: 'spacetimedb-2-0' },
  { version: '2.4.1', library: 'spacetimedb-2-4' },
  { version: '2.8.3', library: 'spacetimedb-2-8' },
  { version: '2.9.0', library: 'spacetimedb-2-9' },
  { version: '2.10.1', library: 'spacetimedb' },
] as const;

export type Library = (typeof RELEASES)[number]['library'];

/** The bundle of a fixture, made with one release of the library. The fixture is a single file. */
export async function bundleWith(library: Library, fixture: string): Promise<string> {
  const directory = fileURLToPath(new URL('../fixtures', import.meta.url));
  return bundleSource(library, await readFile(`${directory}/${fixture}`, 'utf8'));
}

/** The bundle of a module's source text, made with one release of the library. */
export async function bundleSource(library: Library, source: string): Promise<string> {
  const directory = fileURLToPath(new URL('.', import.meta.url));
  return readModule({ source: asWrittenFor(library, source), directory });
}

/** What older releases do not export for modules, and how those who used them wrote it. */
const MISSING: Readonly<Partial<Record<Library, Readonly<Record<string, string>>>>> = {
  'spacetimedb-2-0': {
    ScheduleAt: `import { ScheduleAt } from 'spacetimedb-2-0';`,
    // Not to be had at all: modules search ranges by other means.
    Range: `class Range { constructor() { throw new Error('this release exports no Range'); } }`,
  },
  'spacetimedb-2-4': { ScheduleAt: `import { ScheduleAt } from 'spacetimedb-2-4';` },
};

/** A source text for the newest release as it is written for another one. */
function asWrittenFor(library: Library, source: string): string {
  const others: string[] = [];
  const text = source.replace(/import \{([^}]*)\} from (['"])spacetimedb\/server\2;/g, (_import, names: string) => {
    const wanted = names.split(',').map((name) => name.trim());
    const missing = MISSING[library] ?? {};
    for (const name of wanted) if (missing[name] !== undefined) others.push(missing[name]);
    const there = wanted.filter((name) => name !== '' && missing[name] === undefined);
    return `import { ${there.join(', ')} } from '${library}/server';`;
  });
  return `${others.join('\n')}\n${text}`;
}
