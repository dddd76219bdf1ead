import { QueryError, shortenText } from '../query/query-error.ts';
import { ViewError } from '../views/view-error.ts';

/** How much of a refused text is sent back. */
const SQL_ECHO_LENGTH_MAX = 1_000;

/** What a client is told of its query. @throws what is no error of the query's text */
export function describeFailure(error: unknown, sql?: string): string {
  if (error instanceof ViewError) return error.message;
  if (!(error instanceof QueryError)) throw error;
  if (sql === undefined) return error.message;
  return `${error.message}, executing: \`${shortenText(sql, SQL_ECHO_LENGTH_MAX)}\``;
}
