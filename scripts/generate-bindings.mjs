/**
 * Writes the client bindings of the Inner Universe module, which `inner-universe` speaks to it with:
 * packages/module/dist/bundle.js -> packages/inner-universe/src/generated/module-bindings.ts. Run after a build, when
 * a table, reducer or procedure of the module changed; a test compares the file with the module.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeModule } from '@inner-universe/host';
import { generateBindings } from '@inner-universe/host/codegen';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const bundle = await readFile(path.join(root, 'packages/module/dist/bundle.js'), 'utf8');
const target = path.join(root, 'packages/inner-universe/src/generated/module-bindings.ts');
await writeFile(target, generateBindings(await describeModule(bundle), { includePrivate: true }));
process.stdout.write(`wrote ${path.relative(root, target)}\n`);
