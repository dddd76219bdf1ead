/**
 * Makes the tables of docs/observability.md anew, from the catalogues of metrics and channels. A test compares the page
 * with the code.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'docs/observability.md');
const { fillTables } = await tsImport('./observability-page.ts', import.meta.url);
await writeFile(target, fillTables(await readFile(target, 'utf8')));
process.stdout.write(`wrote the tables of ${path.relative(root, target)}\n`);
