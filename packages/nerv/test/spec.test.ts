import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

/**
 * `UPDATE_SPEC=1 npx vitest run packages/nerv/test/spec.test.ts` rewrites the parts of SPEC.md between markers. What this
 * test compares, the page cannot get wrong.
 */
const root = path.resolve(import.meta.dirname, '..');
const specFile = path.join(root, 'SPEC.md');

interface Source {
  readonly file: string;
  readonly text: string;
}

const sources: readonly Source[] = readdirSync(path.join(root, 'src'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((file) => file.endsWith('.ts') && !/\.test(-d)?\.ts$|^testing\//.test(file))
  .map((file) => ({ file, text: readFileSync(path.join(root, 'src', file), 'utf8') }));

const codes = codesOf(textOf('errors.ts'));

function textOf(file: string): string {
  return sources.find((source) => source.file === file)?.text ?? expect.unreachable(`no ${file}`);
}

/** The members of the union `NervErrorCode`. */
function codesOf(text: string): readonly string[] {
  const union = /export type NervErrorCode =([^;]*);/.exec(text)?.[1] ?? '';
  return [...union.matchAll(/'([^']+)'/g)].map(([, code = '']) => code);
}

/** What a file exports, values and types, by name. */
function exportsOf(text: string): readonly string[] {
  const declared = [
    ...text.matchAll(/^export (?:abstract |async )?(?:class|function\*?|const|interface|type) (\w+)/gm),
  ];
  const listed = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) =>
    [...names.matchAll(/(\w+)\s*(?:,|$)/g)].map(([, name]) => [name, name]),
  );
  return [...new Set([...declared, ...listed].map(([, name = '']) => name))].sort();
}

/** The part of the page between the markers of this name. */
function partOf(spec: string, name: string): string {
  return new RegExp(`<!-- begin ${name} -->\n([\\s\\S]*?)<!-- end ${name} -->`).exec(spec)?.[1]?.trim() ?? 'missing';
}

function compare(name: string, expected: string): void {
  const spec = readFileSync(specFile, 'utf8');
  if (process.env['UPDATE_SPEC'] !== undefined) {
    const marked = new RegExp(`(<!-- begin ${name} -->\n)[\\s\\S]*?(<!-- end ${name} -->)`);
    writeFileSync(
      specFile,
      spec.replace(marked, (_, begin: string, end: string) => `${begin}\n${expected}\n\n${end}`),
    );
  } else expect(unpadded(partOf(spec, name))).toBe(unpadded(expected));
}

/** Without what the formatter adds to tables. */
function unpadded(text: string): string {
  return text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').replaceAll('\n\n', '\n');
}

test('the page lists what each entry exports', () => {
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, { source: string }>;
  };
  const lines = Object.entries(exports).map(([entry, { source }]) => {
    const names = exportsOf(readFileSync(path.join(root, source), 'utf8'));
    expect(names, entry).not.toEqual([]);
    return `- **\`${entry}\`**: ${names.map((name) => `\`${name}\``).join(', ')}`;
  });
  compare('exports', lines.join('\n'));
});

test('the page lists all error codes, each with its meaning, and no others', () => {
  const rows = [...partOf(readFileSync(specFile, 'utf8'), 'codes').matchAll(/^\| `([^`]+)` +\| (.*) \|$/gm)];
  expect(rows.map(([, code]) => code)).toEqual(codes);
  for (const [, code, meaning] of rows) expect(meaning?.trim().length, code).toBeGreaterThan(10);
});

test('every code is thrown somewhere here, but for one that only persistence needs, and every docstring names codes that exist', () => {
  const areas = [...new Set(codes.map((code) => code.split('/')[0]))].join('|');
  const named = new RegExp(`\`((?:${areas})/[a-z-]+)\``, 'g');
  // Entries and folders are written the same way.
  const others = new Set(['graph/algorithms', 'graph/history', 'graph/match', 'graph/replica']);
  const unknown = sources.flatMap(({ file, text }) =>
    [...text.matchAll(named)]
      .map(([, code = '']) => code)
      .filter((code) => !codes.includes(code) && !others.has(code))
      .map((code) => `${file}: ${code}`),
  );
  expect(unknown).toEqual([]);

  const body = sources
    .map(({ file, text }) => (file === 'errors.ts' ? text.slice(text.indexOf('extends NervError<')) : text))
    .join('\n')
    // What is refused of entities and of relations alike is written once.
    .replaceAll(/`\$\{(?:this\.#)?subject\}(\/[a-z-]+)`/g, "'entity$1' 'relation$1'");
  // A bus in memory cannot know of ids that are taken; persistent ones do.
  expect(codes.filter((code) => !body.includes(`'${code}'`))).toEqual(['event/id-taken']);
});

/** Constants that a user meets nothing of: how something is cut up or tuned. */
const INNER = /^(BLOCK|DIGEST|CHUNK|EXACT|PIECES|RESORT|CIPHERTEXT|CROSSING|RECENT|JSON_DEPTH|COMPACT)_/;

test('the page has the limits that the code has', () => {
  const constant = /^(?:export )?const ([A-Z][A-Z_]*)(?:: number)? = ([\d_.e*\s]+);/gm;
  const isLimit = /(^|_)(MAX|LIMIT|DEFAULT|CAPACITY)(_|$)/;
  const rows = sources.flatMap(({ file, text }) =>
    [...text.matchAll(constant)]
      .filter(([, name = '']) => isLimit.test(name) && !INNER.test(name))
      .map(([, name, value = '']) => `| \`${name}\` | ${file} | ${value.replaceAll('_', ',')} |`),
  );
  expect(rows.length).toBeGreaterThan(20);
  compare('limits', ['| constant | in `src/` | value |', '| --- | --- | --- |', ...rows.sort()].join('\n'));
});

test('the page has the budgets of size that are checked', () => {
  const script = readFileSync(path.join(root, '../../scripts/check-size.mjs'), 'utf8');
  const budgets = [
    ...script.matchAll(/\{ entry: 'packages\/nerv\/src\/([^']+)',(?: names: \['(\w+)'\],)? budget: ([\d_]+)/g),
  ];
  const rows = budgets.map(
    ([, entry, name, budget = '']) =>
      `| \`${entry}\` | ${name === undefined ? 'everything' : `\`${name}\` alone`} | ${budget.replace('_', ',')} |`,
  );
  expect(rows.length).toBeGreaterThan(3);
  compare('sizes', ['| entry, in `src/` | imported | bytes at most |', '| --- | --- | ---: |', ...rows].join('\n'));
});
