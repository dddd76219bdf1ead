/**
 * Measures what the browser has to load: bundles each entry, whole or the named exports alone, minifies and compresses it
 * (gzip, level 9; Brotli for comparison), prints a table and fails if one is over its budget. `--json` prints the figures
 * as data.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/**
 * The budgets, in bytes compressed. `aim` is where an entry that is over its aim is to come down to: its budget is then
 * what it was measured at, so that it cannot grow meanwhile.
 */
const BUDGETS = [
  { entry: 'packages/nerv/src/index.ts', budget: 20_000 },
  // What an application pays that imports one class from the main entry: the rest must fall away.
  { entry: 'packages/nerv/src/index.ts', names: ['EventBus'], budget: 3_000 },
  { entry: 'packages/nerv/src/index.ts', names: ['Projection'], budget: 2_450 },
  { entry: 'packages/nerv/src/index.ts', names: ['EntityGraph'], budget: 9_150 },
  { entry: 'packages/nerv/src/index.ts', names: ['TemporalStore'], budget: 12_100 },
  { entry: 'packages/nerv/src/events/core.ts', budget: 3_000 },
  { entry: 'packages/nerv/src/events/index.ts', budget: 4_800 },
  { entry: 'packages/nerv/src/temporal/index.ts', budget: 24_000 },
  { entry: 'packages/nerv/src/graph/index.ts', budget: 16_500 },
  { entry: 'packages/nerv/src/projection/index.ts', budget: 9_100 },
  { entry: 'packages/nerv/src/values/index.ts', budget: 3_600 },
];

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

async function measure({ entry, names }) {
  const file = path.join(root, entry);
  const wanted = names === undefined ? '*' : `{ ${names.join(', ')} }`;
  const result = await build({
    stdin: { contents: `export ${wanted} from ${JSON.stringify(file)};`, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source'],
  });
  const code = result.outputFiles[0].contents;
  return {
    minified: code.length,
    compressed: gzipSync(code, { level: 9 }).length,
    brotli: brotliCompressSync(code).length,
  };
}

const rows = [];
for (const budget of BUDGETS) {
  const name = budget.names === undefined ? budget.entry : `${budget.entry} { ${budget.names.join(', ')} }`;
  rows.push({ ...budget, name, ...(await measure(budget)) });
}

if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify(rows)}\n`);
} else {
  const cells = [['entry', 'minified', 'compressed', 'budget', 'aim', 'brotli']];
  for (const { name, minified, compressed, budget, aim, brotli } of rows) {
    cells.push([name, ...[minified, compressed, budget, aim ?? '', brotli].map(String)]);
  }
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) {
    const line = row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])));
    process.stdout.write(`${line.join('  ').trimEnd()}\n`);
  }
}
for (const { name, compressed, budget } of rows) {
  if (compressed <= budget) continue;
  process.exitCode = 1;
  process.stderr.write(
    `${name} is ${compressed} bytes compressed, ${compressed - budget} over its budget of ${budget}. ` +
      `See what came in with it, and move what is optional to an entry of its own.\n`,
  );
}
