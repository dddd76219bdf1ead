import { CommanderError } from 'commander';
import pc from 'picocolors';
import { STORAGE_KEY_VARIABLE } from './key-files.ts';
import { toJson } from './output.ts';
import type { CommandContext } from './commands/context.ts';
import { createProgram, isHelp } from './program.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const KEY_HINT = `Here a key is named by --storage-key-file FILE, or ${STORAGE_KEY_VARIABLE}, and the one before it by --previous-storage-key-file FILE.`;
/** What the command line adds to errors that speak of options of a program. */
const HINTS: ReadonlyMap<string, string> = new Map(
  ['host/key-required', 'host/wrong-key', 'universe/key-required', 'universe/wrong-key'].map((code) => [
    code,
    KEY_HINT,
  ]),
);
/** What a shell says of a program that Ctrl-C ended. */
export const EXIT_INTERRUPTED = 130;

/**
 * Runs one command line (its words, without the program's name) to its end and gives the exit code: 0, 2 for wrong
 * usage, 130 when it was interrupted before its work was done, 1 for everything else. Never throws: what went wrong
 * is told on `err`, and with `--json` as `{ error: { code, message } }` on `out`.
 */
export async function runCommandLine(words: readonly string[], context: CommandContext): Promise<number> {
  try {
    await createProgram(context).parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    return isHelp(error) ? 0 : report(error, words.includes('--json'), context);
  }
}

function report(error: unknown, asJson: boolean, { output }: CommandContext): number {
  const { code, message } = describe(error);
  if (asJson) output.out(toJson({ error: { code, message } }));
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
  if (typeof code !== 'string') return { code: undefined, message: error.message };
  const hint = HINTS.get(code);
  return { code, message: hint === undefined ? error.message : `${error.message} ${hint}` };
}
