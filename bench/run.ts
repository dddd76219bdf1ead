import { parseArgs } from 'node:util';
import { busBenchmark } from './bus.ts';
import { cacheBenchmark } from './cache/cache.ts';
import { eventsBenchmark } from './events/events.ts';
import { importBenchmark } from './import.ts';
import { graphBenchmark } from './graph/graph.ts';
import { fanoutBenchmark } from './fanout/fanout.ts';
import { openBenchmark } from './open/open.ts';
import { projectionBenchmark } from './projection/projection.ts';
import { temporalBenchmark } from './temporal/temporal.ts';
import { transferBenchmark } from './transfer/transfer.ts';
import { formatReport, type Benchmark } from './report.ts';

const benchmarks: readonly Benchmark[] = [
  busBenchmark,
  cacheBenchmark,
  importBenchmark,
  eventsBenchmark,
  openBenchmark,
  transferBenchmark,
  fanoutBenchmark,
  temporalBenchmark,
  graphBenchmark,
  projectionBenchmark,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, smoke: { type: 'boolean' }, runs: { type: 'string', default: '5' } },
});
const chosen = positionals.includes('all')
  ? benchmarks
  : benchmarks.filter((benchmark) => positionals.includes(benchmark.name));
const unknown = positionals.filter(
  (name) => name !== 'all' && !benchmarks.some((benchmark) => benchmark.name === name),
);
if (chosen.length === 0 || unknown.length > 0) {
  const list = benchmarks.map((benchmark) => `  ${benchmark.name}  ${benchmark.about}`).join('\n');
  process.stderr.write(`usage: npm run bench -- NAME... [--json] [--runs N] [--smoke]\n${list}\n  all\n`);
  process.exitCode = 2;
}
for (const benchmark of process.exitCode === undefined ? chosen : []) {
  const report = await benchmark.run({ runs: Math.max(1, Number(values.runs) || 1), smoke: values.smoke === true });
  process.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : `${formatReport(report)}\n\n`);
}
