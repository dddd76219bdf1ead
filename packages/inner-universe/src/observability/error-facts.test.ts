import { NervError } from '@inner-universe/nerv';
import { parse } from '@inner-universe/nerv/values';
import { expect, test } from 'vitest';
import { errorCodeOf, errorFactsOf } from './error-facts.ts';

test('of an error of ours its code, message and whether to try again are told', () => {
  const error = new NervError('event/timeout', 'No event came.', { retryable: true, details: { pattern: 'a' } });
  expect(errorFactsOf(error)).toEqual({
    name: 'NervError',
    code: 'event/timeout',
    message: 'No event came.',
    retryable: true,
  });
});

test.each([
  ['an error of the application', new RangeError('canary')],
  ['one whose code is none of ours', Object.assign(new Error('canary'), { code: 'canary' })],
  ['one whose code looks like ours', Object.assign(new Error('canary'), { code: 'storage/in-use' })],
  ['a text', 'canary'],
  ['an object', { message: 'canary', code: 'canary/canary' }],
  ['nothing', undefined],
])('of %s, what it says is not told', (_, thrown) => {
  expect(JSON.stringify(errorFactsOf(thrown))).not.toContain('canary');
});

test('of an error of ours that quotes what it is about, the quotation is not told', () => {
  let thrown: unknown;
  try {
    parse('canary');
  } catch (error) {
    thrown = error;
  }
  expect(String(thrown)).toContain('canary');
  expect(errorFactsOf(thrown)).toEqual({ name: 'NervError', code: 'value/malformed', retryable: false });
});

test('what was called off has a code of its own', () => {
  const controller = new AbortController();
  controller.abort();
  expect(errorCodeOf(controller.signal.reason)).toBe('aborted');
});
