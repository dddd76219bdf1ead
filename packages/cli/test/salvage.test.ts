import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openHost } from '@inner-universe/host';
import { afterAll, expect, test } from 'vitest';
import { cleanUp, makeScratch, runHere } from './cli-process.ts';
import { ModuleFolder, noteModule } from './module-files.ts';

afterAll(cleanUp);
const folder = new ModuleFolder();

/** A database of one table with three rows, the second of which is damaged on disk. */
async function makeDamaged(): Promise<string> {
  const data = makeScratch('salvage-data');
  const host = await openHost({ data });
  await host.publish({ name: 'notes', module: { path: folder.write('module.ts', noteModule({})) } });
  for (const text of ['first text', 'second text', 'third text']) {
    await host.sql('notes', `INSERT INTO note (id, text) VALUES (0, '${text}')`);
  }
  await host.close();
  const log = join(data, 'databases', 'notes', 'log');
  const segment = join(log, readdirSync(log)[0] ?? '');
  const bytes = readFileSync(segment);
  bytes[bytes.indexOf('second text')]! ^= 1;
  writeFileSync(segment, bytes);
  return data;
}

test('what is sound of a damaged database is written to files, with what is lost', async () => {
  const data = await makeDamaged();
  const out = join(makeScratch('salvage-out'), 'new');
  const done = await runHere(['salvage', '--data', data, '--database', 'notes', '--out', out]);
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(/note\s+2\n[\s\S]*Damaged or missing:\n.*does not match its checksum/);
  const rows = readFileSync(join(out, 'note.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  expect(rows).toEqual([
    expect.objectContaining({ text: 'first text' }),
    expect.objectContaining({ text: 'third text' }),
  ]);
  expect(readFileSync(join(out, 'bundle.js'), 'utf8')).toContain('spacetime:sys');
  expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8'))).toMatchObject({
    tables: [{ name: 'note', rows: 2, file: 'note.jsonl' }],
    damage: [{ reason: expect.stringContaining('checksum') as string }],
  });
  const again = await runHere(['salvage', '--data', data, '--database', 'notes', '--out', out]);
  expect(again.stderr).toMatch(/cli\/usage .*not empty/);
});
