#!/usr/bin/env node
import { CommanderError } from 'commander';
import pc from 'picocolors';
import { CliError } from './errors.ts';
import { createProcessOutput, toJson } from './output.ts';
import { createProgram, isHelp } from './program.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const output = createProcessOutput();
const interrupt = new AbortController();
let signals = 0;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    signals += 1;
    // The second time, whoever waits has waited enough; acknowledged writes are safe in any case.
    if (signals > 1) process.exit(EXIT_INTERRUPTED);
    interrupt.abort(new CliError('cli/interrupted', 'Interrupted.'));
  });
}

try {
  await createProgram({ output, signal: interrupt.signal }).parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

/** Tells what went wrong in a sentence, and gives the exit code: 2 for wrong usage, 1 for everything else. */
function report(error: unknown): number {
  if (isHelp(error)) return 0;
  const { code, message } = describe(error);
  if (process.argv.includes('--json')) output.out(toJson({ error: { code, message } }));
  if (error instanceof CommanderError) return EXIT_USAGE; // it has printed what is wrong
  if (code === 'cli/interrupted') {
    output.err(`${pc.dim(message)}\n`);
    return EXIT_INTERRUPTED;
  }
  output.err(`${pc.red('error')} ${code === undefined ? '' : pc.dim(`${code} `)}${message}\n`);
  if (process.env['INNER_UNIVERSE_DEBUG'] !== undefined && error instanceof Error) output.err(`${error.stack ?? ''}\n`);
  return code === 'cli/usage' ? EXIT_USAGE : EXIT_FAILED;
}

function describe(error: unknown): { code: string | undefined; message: string } {
  if (error instanceof CommanderError) return { code: 'cli/usage', message: error.message.replace(/^error: /, '') };
  if (!(error instanceof Error)) return { code: undefined, message: String(error) };
  const { code } = error as { code?: unknown };
  return { code: typeof code === 'string' ? code : undefined, message: error.message };
}
