import { expect, test } from 'vitest';
import { REASON_BYTES_MAX, shortenReason, STORAGE_FAILED_REASON } from './close-codes.ts';

test('a reason that fits stays as it is', () => {
  expect(shortenReason('x'.repeat(REASON_BYTES_MAX))).toBe('x'.repeat(REASON_BYTES_MAX));
});

test('the reason of a failed storage fits whole', () => {
  expect(shortenReason(STORAGE_FAILED_REASON)).toBe(STORAGE_FAILED_REASON);
});

test('a long reason is cut between characters, never inside one', () => {
  for (let shift = 0; shift < 4; shift += 1) {
    const short = shortenReason('x'.repeat(shift) + '🌍'.repeat(100));
    const bytes = Buffer.byteLength(short);
    expect(bytes).toBeLessThanOrEqual(REASON_BYTES_MAX);
    expect(bytes).toBeGreaterThan(REASON_BYTES_MAX - 4);
    expect(short).not.toContain('\ufffd');
  }
});
