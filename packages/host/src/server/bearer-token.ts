import { HostError } from '../errors.ts';

/**
 * The credential of a request: the Authorization header, else the query parameter `token`.
 * @throws {HostError} `server/bad-request` when the header has another form than `Bearer <token>`.
 */
export function readToken(authorization: string | null | undefined, query: URLSearchParams): string | undefined {
  if (authorization === null || authorization === undefined) return query.get('token') ?? undefined;
  const match = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization.trim());
  if (match?.[1] === undefined) {
    throw new HostError({ code: 'server/bad-request', message: 'Authorization is invalid: malformed token' });
  }
  return match[1];
}
