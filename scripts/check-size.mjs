/**
 * Measures what the browser has to load: bundles each entry, minifies and compresses it (gzip, level 9), prints a table
 * and fails if an entry is over its budget. `--json` prints the figures as data.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/**
 * The budgets, in bytes compressed. `aim` is where an entry that is over its aim is to come down to: its budget is then
 * what it was measured at, so that it cannot grow meanwhile.
 */
const BUDGETS = [
  { entry: 'packages/nerv/src/events/core.ts', budget: 3_000 },
  { entry: 'packages/nerv/src/events/index.ts', budget: 4_700 },
  { entry: 'packages/nerv/src/index.ts', budget: 38_000, aim: 20_000 },
];

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

async function measure(entry) {
  const result = await build({
    entryPoints: [path.join(root, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source'],
  });
  const code = result.outputFiles[0].contents;
  return { minified: code.length, compressed: gzipSync(code, { level: 9 }).length };
}

const rows = [];
for (const budget of BUDGETS) rows.push({ ...budget, ...(await measure(budget.entry)) });

if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify(rows)}\n`);
} else {
  const cells = [['entry', 'minified', 'compressed', 'budget', 'aim']];
  for (const { entry, minified, compressed, budget, aim } of rows) {
    cells.push([entry, String(minified), String(compressed), String(budget), aim === undefined ? '' : String(aim)]);
  }
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    const line = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    process.stdout.write(`${line.join('  ').trimEnd()}\n`);
  }
}
for (const { entry, compressed, budget } of rows) {
  if (compressed <= budget) continue;
  process.exitCode = 1;
  process.stderr.write(
    `${entry} is ${compressed} bytes compressed, ${compressed - budget} over its budget of ${budget}. ` +
      `See what came in with it, and move what is optional to an entry of its own.\n`,
  );
}
