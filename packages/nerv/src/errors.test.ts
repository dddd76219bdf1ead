import { expect, test } from 'vitest';
import {
  EntityNotFoundError,
  MergeConflictError,
  NervError,
  RelationNotFoundError,
  VersionConflictError,
} from './errors.ts';

test('an error has its code, details, cause and whether to try again', () => {
  const plain = new NervError('event/closed', 'closed');
  expect([plain.code, plain.details, plain.retryable, 'cause' in plain]).toEqual(['event/closed', {}, false, false]);
  const cause = new Error('network');
  const whole = new NervError('event/timeout', 'late', { details: { ms: 5 }, cause, retryable: true });
  expect(whole).toMatchObject({ name: 'NervError', details: { ms: 5 }, cause, retryable: true });
});

test('each class names itself, what it is about, and its cause if there is one', () => {
  const cause = new Error('refused');
  const conflict = { branch: 'main', expectedHead: 'a', actualHead: undefined };
  expect(new VersionConflictError(conflict)).toMatchObject({
    name: 'VersionConflictError',
    code: 'state/version-conflict',
    message: expect.stringMatching(/'main' is at no version, not at a/) as string,
    details: conflict,
  });
  expect(new VersionConflictError({ ...conflict, expectedHead: undefined }, { cause }).cause).toBe(cause);
  expect(new EntityNotFoundError('e')).toMatchObject({ code: 'entity/not-found', details: { entityId: 'e' } });
  expect(new EntityNotFoundError('e', { cause }).cause).toBe(cause);
  expect(new RelationNotFoundError('r')).toMatchObject({ code: 'relation/not-found', details: { relationId: 'r' } });
  expect(new RelationNotFoundError('r', { cause }).cause).toBe(cause);
});

test('a merge conflict names its first places, and how many more there are', () => {
  const conflicts = Array.from({ length: 7 }, (_, n) => ({ path: `/p${n}`, base: 0, ours: 1, theirs: 2 }));
  const { message } = new MergeConflictError({ ours: 'a', theirs: 'b', base: 'c', conflicts });
  expect(message).toContain(`'/p4' and 2 more`);
  expect(message).not.toContain('/p5');
});
