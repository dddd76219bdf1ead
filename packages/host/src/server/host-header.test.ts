import { describe, expect, test } from 'vitest';
import { HostPolicy } from './host-header.ts';

describe('a server bound to loopback', () => {
  const policy = new HostPolicy('127.0.0.1', ['Universe.Example']);

  test.each(['127.0.0.1:3000', 'localhost', 'LOCALHOST:80', '[::1]:3000', 'universe.example'])(
    'answers to %s',
    (name) => {
      expect(() => policy.check(name)).not.toThrow();
    },
  );

  test.each(['evil.example', 'localhost.evil.example:3000', '127.0.0.1.evil.example', '10.0.0.1'])(
    'does not answer to %s: a foreign page may have made that name resolve to it',
    (name) => {
      expect(() => policy.check(name)).toThrow(/allowedHosts/);
    },
  );

  test.each([undefined, '', 'a b', 'localhost:3000:1', 'localhost/x'])('refuses the malformed %j', (name) => {
    expect(() => policy.check(name)).toThrow(/malformed/);
  });
});

describe('a server bound to every address', () => {
  test('answers to any name, unless it was told its names', () => {
    expect(() => new HostPolicy('0.0.0.0').check('anything.example')).not.toThrow();
    expect(() => new HostPolicy('0.0.0.0', ['a.example']).check('b.example')).toThrow(/allowedHosts/);
  });
});
