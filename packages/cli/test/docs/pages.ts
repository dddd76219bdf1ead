import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from '../cli-process.ts';

/** A block of code of a page. */
export interface Block {
  /** Of the page, as seen from the workspace. */
  readonly page: string;
  /** Of the fence, from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** What a reader has at hand there, as the comment before it says: see `contexts.ts`. */
  readonly context: string | undefined;
  /** Why nothing runs it, as the comment before it says; undefined: it is run. */
  readonly notRun: string | undefined;
  /** What it prints, where the block that follows says so. */
  readonly output: string | undefined;
}

/** A program that a page's blocks make. */
export interface Program {
  /** What a test calls it: page, and line or file. */
  readonly name: string;
  readonly page: string;
  /** Its file; made up where the page names none. */
  readonly file: string;
  readonly code: string;
  readonly output: string | undefined;
  readonly context: string | undefined;
}

/** Where documentation lies: files, and folders with all that is below them. */
const PLACES: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bench/README.md', 'docs'],
  ...readdirSync(join(WORKSPACE, 'packages')).flatMap((name) => [
    `packages/${name}/README.md`,
    `packages/${name}/docs`,
  ]),
];

/** Every block of every page. */
export function readBlocks(): readonly Block[] {
  return PLACES.filter((place) => existsSync(join(WORKSPACE, place)))
    .flatMap(findPages)
    .sort()
    .flatMap((page) => blocksOf(page, readFileSync(join(WORKSPACE, page), 'utf8')));
}

/** The programs of TypeScript and JavaScript blocks: those of one page that begin with the same `// name` are one. */
export function programsOf(blocks: readonly Block[]): readonly Program[] {
  const programs = new Map<string, Program>();
  for (const block of blocks) {
    if (!PROGRAMS.has(block.language) || block.notRun !== undefined) continue;
    const { page, line, language, context } = block;
    const [, file = `line-${line}.${language}`, code = block.code] =
      /^\/\/ (\S+\.(?:ts|tsx|js|mjs))\n([\s\S]*)$/.exec(block.code) ?? [];
    const name = `${page} ${file}`;
    const before = programs.get(name);
    programs.set(name, {
      name,
      page,
      file,
      code: `${before?.code ?? ''}${code}\n`,
      output: joinOutput(before?.output, block.output),
      context: context ?? before?.context,
    });
  }
  return [...programs.values()];
}

const PROGRAMS: ReadonlySet<string> = new Set(['ts', 'tsx', 'js', 'javascript', 'typescript']);

function blocksOf(page: string, text: string): readonly Block[] {
  const found: Block[] = [];
  for (const match of text.matchAll(/^```([a-z]*)\n([\s\S]*?)^```$/gm)) {
    const [all, language = '', code = ''] = match;
    const before = text.slice(0, match.index);
    const after = text.slice(match.index + all.length);
    found.push({
      page,
      line: before.split('\n').length,
      language,
      code,
      context: /<!-- given: ([\w-]+) -->\n+$/.exec(before)?.[1],
      notRun: /<!-- not run: ([^>]+) -->\n+$/.exec(before)?.[1],
      output: /^\n+```text\n([\s\S]*?)```/.exec(after)?.[1],
    });
  }
  return found;
}

function joinOutput(before: string | undefined, more: string | undefined): string | undefined {
  return before === undefined && more === undefined ? undefined : `${before ?? ''}${more ?? ''}`;
}

function findPages(place: string): readonly string[] {
  if (place.endsWith('.md')) return [place];
  return readdirSync(join(WORKSPACE, place), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `${place}/${path}`);
}
