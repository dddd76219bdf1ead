import { expect, test } from 'vitest';
import { NervError } from '../errors.ts';
import { operatingError } from './version-trees.ts';

test('a mistake of NERV itself is never taken for a damaged version', () => {
  const error = new NervError('state/invalid-patch', 'the patch is none');
  expect(operatingError(error)).toBe(error);
  expect(() => operatingError(new RangeError('a bug'))).toThrow(RangeError);
});
