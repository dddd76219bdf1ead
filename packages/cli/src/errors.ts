/** What can go wrong between a person, a git repository and a universe. Codes are stable; messages may change. */
export type CliErrorCode =
  | 'cli/usage'
  | 'cli/not-found'
  | 'cli/interrupted'
  | 'cli/port-taken'
  | 'cli/not-confirmed'
  | 'cli/migrations-pending'
  | 'bindings/outdated'
  | 'publish/refused'
  | 'publish/no-token'
  | 'git/not-installed'
  | 'git/not-a-repository'
  | 'git/unknown-ref'
  | 'git/failed'
  | 'git/unreadable-output'
  | 'git/history-changed';

/** An operating error of the command line: what happened, with the values, and what to do next. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly code: CliErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: CliErrorCode,
    message: string,
    options: { details?: Readonly<Record<string, unknown>> | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}
