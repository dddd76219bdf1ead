import { describe, expect, test } from 'vitest';
import { checkResponse } from './check-response.ts';
import { encodeResponseHead } from './http-message.ts';

const NO_BODY = new Uint8Array(0);

function check(status: number, headers: Record<string, string>, body: Uint8Array = NO_BODY): string {
  const entries = Object.entries(headers).map(([name, value]) => ({ name, value: Buffer.from(value) }));
  const checked = checkResponse(encodeResponseHead({ headers: entries, version: '1.1', status }), body);
  if (checked.type === 'invalid') return checked.problem;
  const { response } = checked;
  return `${response.status} ${response.headers.map(({ name, value }) => `${name}=${Buffer.from(value).toString()}`).join('&')}`;
}

describe('what a handler returned', () => {
  test('is sent as it is where HTTP can carry it', () => {
    expect(check(200, { 'X-A': 'b', 'x-utf8': 'grüße', 'x-tab': 'a\tb' })).toBe('200 x-a=b&x-utf8=grüße&x-tab=a\tb');
    expect(check(599, {})).toBe('599 ');
  });

  test('leaves to the server what belongs to the connection, and what is named with it', () => {
    const own = { Connection: 'Close, X-Hop', 'x-hop': '1', 'Keep-Alive': '1', Upgrade: 'h2c', TE: 'x', Trailer: 'y' };
    expect(check(200, { ...own, 'transfer-encoding': 'chunked', 'content-length': '9', 'x-kept': '1' })).toBe(
      '200 x-kept=1',
    );
  });

  test('is refused as a whole otherwise', () => {
    for (const status of [0, 99, 100, 101, 199, 600, 65_535]) expect(check(status, {})).toContain('is no status');
    for (const name of ['', 'a b', 'a:', 'a\r\nb', 'ä', '\0'])
      expect(check(200, { [name]: 'x' })).toContain('is no name');
    for (const value of ['a\r\nset-cookie: b', 'a\nb', 'a\0', '\x7f', '\x1b[0m'])
      expect(check(200, { a: value })).toBe('the value of the header a holds a control character');
    expect(check(200, Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`h${at}`, ''])))).toContain(
      'more than 256',
    );
    expect(check(200, { a: 'x'.repeat(64 * 1024) })).toContain('longer than 65536 bytes');
    expect(check(200, {}, new Uint8Array(64 * 1024 * 1024 + 1))).toContain('longer than 67108864 bytes');
    expect(checkResponse(new Uint8Array([1, 2]), NO_BODY)).toMatchObject({ type: 'invalid' });
  });
});
