import { expect, test } from 'vitest';
import { isSameServer, parseServerUrl } from './server-url.ts';

test('addresses are understood as people write them', () => {
  expect(parseServerUrl('ws://host:3000').href).toBe('http://host:3000/');
  expect(parseServerUrl('host:3000').href).toBe('http://host:3000/');
  expect(parseServerUrl('https://host/base?x=1#y').href).toBe('https://host/base/');
  for (const wrong of ['', 'ftp://host', 'http://user:pass@host']) {
    expect(() => parseServerUrl(wrong)).toThrow(expect.objectContaining({ code: 'cli/usage' }));
  }
  const same = (one: string, other: string): boolean => isSameServer(parseServerUrl(one), parseServerUrl(other));
  expect(same('http://localhost:3000', 'ws://127.0.0.1:3000/')).toBe(true);
  expect(same('http://localhost:3000', 'http://localhost:3001')).toBe(false);
  expect(same('http://example.org:3000', 'http://127.0.0.1:3000')).toBe(false);
});
