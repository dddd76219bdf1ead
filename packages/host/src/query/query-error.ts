import { HostError } from '../errors.ts';

/**
 * SQL that cannot be answered. Codes: `query/invalid` (it makes no sense against this schema), `query/unsupported`
 * (sound SQL outside the subset), `query/limit` (too long or too deep).
 */
export class QueryError extends HostError {}

/** SQL that does not parse, names what is not there, or has the wrong types. */
export function invalidQuery(message: string): QueryError {
  return new QueryError({ code: 'query/invalid', message });
}

/** SQL that is sound but outside the subset. */
export function unsupportedQuery(message: string): QueryError {
  return new QueryError({ code: 'query/unsupported', message });
}

/** SQL over one of the stated limits. */
export function queryOverLimit(message: string, details: Readonly<Record<string, unknown>>): QueryError {
  return new QueryError({ code: 'query/limit', message, details });
}
