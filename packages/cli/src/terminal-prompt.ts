import { createInterface } from 'node:readline/promises';

/**
 * Asks yes or no on the process's terminal; anything but yes is no. Undefined where standard input or standard error
 * is none: there is nobody to ask then. The question ends with the reason of the signal when that aborts.
 */
export function tryMakeTerminalPrompt(signal: AbortSignal): ((question: string) => Promise<boolean>) | undefined {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return undefined;
  return async (question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      // Without this Ctrl-C would go to the question alone.
      terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
      const answer = await terminal.question(`${question} [y/N] `, { signal });
      return /^y(es)?$/i.test(answer.trim());
    } catch (error) {
      signal.throwIfAborted();
      // The end of the input is no answer.
      if (error instanceof Error && error.name === 'AbortError') return false;
      throw error;
    } finally {
      terminal.close();
    }
  };
}
