import { EntityNotFoundError, VersionConflictError } from '@inner-universe/nerv';
import { expect, test } from 'vitest';
import { ConnectionError, makeCallError, NervPersistenceError, RefusedError } from './errors.ts';

const refusal = (code: string, rest: object = {}): string =>
  JSON.stringify({ code, op: 0, ids: ['a'], details: {}, message: 'no', ...rest });

test('a refusal becomes the class of NERV that says it, or a refused error with its op and ids', () => {
  expect(makeCallError('apply', new Error(refusal('entity/not-found')))).toBeInstanceOf(EntityNotFoundError);
  expect(makeCallError('apply', new Error(refusal('state/version-conflict')))).toBeInstanceOf(VersionConflictError);
  const refused = makeCallError('apply', refusal('permission/denied', { op: 3 }));
  expect(refused).toBeInstanceOf(RefusedError);
  expect(refused).toMatchObject({ code: 'permission/denied', op: 3, ids: ['a'], retryable: false });
  expect(makeCallError('apply', refusal('limit/rate'))).toMatchObject({ retryable: true });
});

test('a write that the storage no longer takes says so, and is no lost connection', () => {
  const text = 'the database takes no more writes; reads go on. Writing log/0.log failed (ENOSPC).';
  expect(makeCallError('apply', new Error(text))).toMatchObject({
    code: 'universe/storage-failed',
    message: expect.stringContaining('ENOSPC') as string,
  });
});

test('anything else keeps its text and its cause; what is typed already stays as it is', () => {
  const cause = new Error('The instance encountered a fatal error.');
  const failed = makeCallError('apply', cause);
  expect(failed).toBeInstanceOf(NervPersistenceError);
  expect(failed).toMatchObject({
    code: 'connection/failed',
    cause,
    message: expect.stringContaining('fatal') as string,
  });
  const lost = new ConnectionError('connection/lost', 'gone');
  expect(makeCallError('apply', lost)).toBe(lost);
});
