import { HostError } from '../errors.ts';

/**
 * SQL that cannot be answered. Codes: `query/invalid` (it makes no sense against this schema), `query/unsupported`
 * (sound SQL outside the subset), `query/limit` (too long or too deep).
 */
export class QueryError extends HostError {}

/** Names in SQL can be as long as the text; what is told of it is not. */
const MESSAGE_LENGTH_MAX = 500;

/** SQL that does not parse, names what is not there, or has the wrong types. */
export function invalidQuery(message: string): QueryError {
  return new QueryError({ code: 'query/invalid', message: shortenText(message, MESSAGE_LENGTH_MAX) });
}

/** SQL that is sound but outside the subset. */
export function unsupportedQuery(message: string): QueryError {
  return new QueryError({ code: 'query/unsupported', message: shortenText(message, MESSAGE_LENGTH_MAX) });
}

/** SQL over one of the stated limits. */
export function queryOverLimit(message: string, details: Readonly<Record<string, unknown>>): QueryError {
  return new QueryError({ code: 'query/limit', message, details });
}

/** The text, or its beginning with an ellipsis when it is longer than `length`. */
export function shortenText(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}
