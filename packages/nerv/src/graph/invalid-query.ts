import { NervError } from '../errors.ts';

/** An error about a query; `path` says where. */
export function invalidQuery(path: string, what: string): NervError {
  return new NervError('graph/invalid-query', `The query cannot be run: '${path}' ${what}.`, {
    details: { path },
  });
}
