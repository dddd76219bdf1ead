import { formatMessagesSync, type BuildFailure } from 'esbuild';
import { errorMessage } from '../errors.ts';

/** The bundler's own account of what went wrong, with file, line and text, one message after the other. */
export function describeBuildFailure(error: unknown): string {
  if (!isBuildFailure(error)) return errorMessage(error);
  return formatMessagesSync(error.errors, { kind: 'error', color: false }).join('').trim();
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}
