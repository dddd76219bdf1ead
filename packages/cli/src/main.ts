#!/usr/bin/env node
import { Console } from 'node:console';
import { CliError } from './errors.ts';
import { createProcessOutput } from './output.ts';
import { tryMakeTerminalPrompt } from './terminal-prompt.ts';
import { EXIT_INTERRUPTED, runCommandLine } from './run.ts';

// Standard output is for results. A library that logs must not get between them: the SDK prints there what it also
// throws.
const chatter = new Console(process.stderr, process.stderr);
console.log =
  console.info =
  console.debug =
    (...words: unknown[]): void => {
      if (process.env['INNER_UNIVERSE_DEBUG'] !== undefined) chatter.log(...words);
    };

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

const context = {
  output: createProcessOutput(),
  signal: interrupt.signal,
  ask: tryMakeTerminalPrompt(interrupt.signal),
};
process.exitCode = await runCommandLine(process.argv.slice(2), context);
