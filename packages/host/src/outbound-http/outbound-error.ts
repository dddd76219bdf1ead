import { errorMessage, HostError } from '../errors.ts';

/** Text for a target that may not be reached. */
export const REFUSED_TARGET = 'refusing to connect to private or special-purpose addresses';

/** An error with a text for the module. */
export function makeOutboundError(message: string, cause?: unknown): HostError {
  return new HostError({ code: 'outbound-http/failed', message, cause });
}

/** The messages of an error and of what caused it, the outermost first. */
export function describeCauses(error: unknown): string {
  const messages: string[] = [];
  let current = error;
  for (let depth = 0; depth < CAUSES_MAX && current !== undefined && current !== null; depth++) {
    const message = current instanceof AggregateError ? describeAll(current.errors) : errorMessage(current);
    if (message !== '' && !messages.includes(message)) messages.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return messages.join(': ');
}

const CAUSES_MAX = 5;

/** What became of each address that was tried. */
function describeAll(errors: readonly unknown[]): string {
  return [...new Set(errors.map(errorMessage))].join(', ');
}
