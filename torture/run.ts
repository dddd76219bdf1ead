import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatReport } from './report.ts';
import { torture } from './torture.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, keep: { type: 'boolean' } },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  process.stderr.write('usage: npm run torture -- [--seconds N] [--seed S] [--keep]\n');
  process.exit(2);
}
const seed = values.seed ?? String(Date.now());
const directory = await mkdtemp(join(tmpdir(), 'torture-'));
process.stdout.write(`torture: seed ${seed}, ${seconds} s, in ${directory}\n`);
const startedMs = Date.now();
const onProgress = (text: string): void =>
  void process.stdout.write(`${((Date.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${text}\n`);
let hasFailed = true;
try {
  const report = await torture({ seconds, seed, directory, onProgress });
  hasFailed = report.findings.list.length > 0;
  process.stdout.write(formatReport(report, { directory, seed, seconds }));
} catch (error) {
  const stack = error instanceof Error ? error.stack : undefined;
  process.stdout.write(`torture could not be ended: ${stack ?? String(error)}\n`);
  process.stdout.write(
    `everything lies in ${directory}; again: npm run torture -- --seconds ${seconds} --seed ${seed}\n`,
  );
}
if (!hasFailed && values.keep !== true) await rm(directory, { recursive: true, force: true });
process.exit(hasFailed ? 1 : 0);
