import type { BuildFailure } from 'esbuild';
import { errorMessage } from '../errors.ts';

/** The bundler's own account of what went wrong, with file, line and text, one message after the other. */
export async function describeBuildFailure(error: unknown): Promise<string> {
  if (!isBuildFailure(error)) return errorMessage(error);
  const { formatMessages } = await import('esbuild');
  const messages = await formatMessages(error.errors, { kind: 'error', color: false });
  return messages.join('').trim();
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
