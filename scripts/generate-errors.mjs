/**
 * Writes docs/errors.md from the catalogues of errors beside the code. Run after a code was added; a test compares the
 * page with the code.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsImport } from 'tsx/esm/api';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'docs/errors.md');
const { makeErrorsPage } = await tsImport('./errors-page.ts', import.meta.url);
await writeFile(target, makeErrorsPage());
process.stdout.write(`wrote ${path.relative(root, target)}\n`);
