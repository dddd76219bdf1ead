import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PROMISE_CATALOGUE, type Attempt } from './catalogue.ts';

const root = new URL('../../../../', import.meta.url);
const page = new URL('docs/promises.md', root);
const entries = Object.values(PROMISE_CATALOGUE).flat();

test('every promise names tests that are there, by their very names', async () => {
  const missing: string[] = [];
  const attempts = new Map(entries.flatMap((entry) => entry.attempts).map((attempt) => [attempt.join('\n'), attempt]));
  for (const [file, name] of attempts.values()) {
    const source = await readFile(new URL(file, root), 'utf8').catch(() => '');
    const names = file.startsWith('torture/') ? (source.includes(name) ? [name] : []) : namesOf(source);
    if (!names.includes(name)) missing.push(`${file}: ${name}`);
  }
  expect(missing).toEqual([]);
});

test('no promise is without a test', () => {
  expect(entries.filter(({ attempts }) => attempts.length === 0)).toEqual([]);
});

test('the page of promises is what the catalogue says: UPDATE=1 writes it', async () => {
  const text = makePage();
  if (process.env['UPDATE'] === '1') await writeFile(page, text);
  expect(await readFile(fileURLToPath(page), 'utf8')).toBe(text);
});

/** The names of the tests that a source declares; escapes in them are read as the language does. */
function namesOf(source: string): readonly string[] {
  const declared = /\b(?:test|it)(?:\.each\([^`]*?\))?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs;
  return [...source.matchAll(declared)].map(([, , name = '']) =>
    name.replace(/\\u([0-9a-f]{4})|\\(.)/gi, (_, code: string | undefined, other: string) =>
      code === undefined ? other : String.fromCharCode(Number.parseInt(code, 16)),
    ),
  );
}

function makePage(): string {
  const sections = Object.entries(PROMISE_CATALOGUE).map(([title, promises]) => {
    const rows = promises.map(({ promise, attempts }) => `- ${promise}\n${attempts.map(showAttempt).join('\n')}`);
    return `## ${title}\n\n${rows.join('\n')}\n`;
  });
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

function showAttempt([file, name]: Attempt): string {
  const isTorture = file.startsWith('torture/');
  return isTorture ? `  - torture: _${name}_ ([${file}](../${file}))` : `  - _${name}_ ([${file}](../${file}))`;
}

const INTRODUCTION = `# Promises

What Inner Universe promises, and under each promise the tests that try to break it. The page is made of \`packages/inner-universe/test/promises/catalogue.ts\`; a test compares both, and sees that every test named here exists under that very name.

All tests run with \`npm test\`, on two releases of Node, before any change lands: where one fails, the change does not. Tests in a contract run against NERV in memory and against a universe in memory, on disk and over a server. What is random prints its seed, and can be repeated (\`SEED=\`) and multiplied (\`RUNS=\`).

Lines marked _torture_ are checks at the end of \`npm run torture -- --seconds N --seed S\`: writers with durable outboxes, readers, workers of a durable consumer, an archiver and migrators, in processes of their own, against a server that is killed with \`kill -9\`, frozen, stopped and started again, over connections that are cut, half open, deaf, mute, slow or refused. It says on failure what was done to the item, and how to run the same again. A minute of it runs before any change lands.
`;
