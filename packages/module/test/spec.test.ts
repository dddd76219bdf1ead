import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describeModule } from '../../host/src/module/describe-module.ts';
import {
  CONFIGURATION_KEYS,
  GRANT_ACTIONS,
  REFUSAL_CODES,
  RESOURCE_KINDS,
  SYSTEM_EVENT_TYPES,
} from '../src/wire/index.ts';
import { specParts } from './spec-text.ts';
import { moduleBundle } from './universe.ts';

const SPEC = new URL('../SPEC.md', import.meta.url);

test('SPEC.md tells every table, column, type, index and function of the built module', async () => {
  const def = await describeModule(await moduleBundle());
  let spec = await readFile(SPEC, 'utf8');
  const parts = specParts(def);
  if (process.env['UPDATE_SPEC'] === '1') {
    for (const [name, text] of Object.entries(parts))
      spec = spec.replace(markers(name), () => `<!-- ${name} -->\n\n${text}\n\n<!-- end -->`);
    await writeFile(SPEC, spec);
  }
  for (const [name, text] of Object.entries(parts)) {
    const found = markers(name).exec(spec)?.[1];
    expect(squeeze(found ?? ''), `${name} (UPDATE_SPEC=1 rewrites this part)`).toBe(squeeze(text));
  }
});

test('all tables but schema_version and head are private', async () => {
  const def = await describeModule(await moduleBundle());
  const open = def.tables.filter((table) => table.access === 'public').map((table) => table.name);
  expect(open.sort()).toEqual(['head', 'schema_version']);
});

test('names need no digits, so that every tool derives the same ones', async () => {
  const def = await describeModule(await moduleBundle());
  const names = [
    ...def.tables.flatMap((table) => [table.name, ...table.columns.map((column) => column.name)]),
    ...[...def.reducers, ...def.procedures].flatMap(({ name, params }) => [name, ...params.map((param) => param.name)]),
  ];
  expect(names.filter((name) => !/^[a-z]+(_[a-z]+)*$/.test(name))).toEqual([]);
});

test('SPEC.md explains every refusal code, action, resource, setting and record', async () => {
  const spec = await readFile(SPEC, 'utf8');
  const words = [
    ...REFUSAL_CODES,
    ...GRANT_ACTIONS,
    ...CONFIGURATION_KEYS,
    ...SYSTEM_EVENT_TYPES,
    ...RESOURCE_KINDS.map((kind) => `${kind}:`),
  ];
  expect(words.filter((word) => !spec.includes(`\`${word}`))).toEqual([]);
});

/** The text without what formatting adds to tables. */
function squeeze(text: string): string {
  return text
    .trim()
    .replace(/-{3,}/g, '---')
    .replace(/\|---/g, '| ---')
    .replace(/---\|/g, '--- |')
    .replace(/[ \t]+/g, ' ');
}

function markers(name: string): RegExp {
  return new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)<!-- end -->`);
}
