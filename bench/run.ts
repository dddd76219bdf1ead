import { parseArgs } from 'node:util';
import { importBenchmark } from './import.ts';
import { fanoutBenchmark } from './fanout/fanout.ts';
import { transferBenchmark } from './transfer/transfer.ts';
import { formatReport, type Benchmark } from './report.ts';

const benchmarks: readonly Benchmark[] = [importBenchmark, transferBenchmark, fanoutBenchmark];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, runs: { type: 'string', default: '5' } },
});
const [name] = positionals;
const chosen = benchmarks.find((benchmark) => benchmark.name === name);
if (chosen === undefined) {
  const list = benchmarks.map((benchmark) => `  ${benchmark.name}  ${benchmark.about}`).join('\n');
  process.stderr.write(`usage: npm run bench -- NAME [--json] [--runs N] [--smoke]\n${list}\n`);
  process.exitCode = 2;
} else {
  const report = await chosen.run({ runs: Math.max(1, Number(values.runs) || 1), smoke: values.smoke === true });
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : `${formatReport(report)}\n`);
}
