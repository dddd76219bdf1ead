import { expect } from 'vitest';
import { call } from '../session-fixtures/test-client.ts';
import { strings } from './encoding.ts';
import { fixture } from './forms.ts';
import { section } from './rule.ts';

const TYPES = 'bool i8 u16 i64 u64 i128 u256 f64 f32 string bytes list option level shape product at'.split(' ');

section('Order of keys', { module: fixture('conf-store.ts') }, (rule) => {
  rule(
    'each type has its own order: numbers by value, floats with NaN last, text by UTF-8, sums by tag, some before none',
    async (host) => {
      const places: string[] = [];
      for (const type of TYPES) places.push(`${type}: ${await host.probe(`order of ${type}`)}`);
      const counts = [2, 5, 5, 6, 5, 6, 4, 7, 6, 8, 5, 6, 3, 3, 4, 4, 4];
      expect(places).toEqual(
        TYPES.map((type, at) => `${type}: ${Array.from({ length: counts[at]! }, (_, place) => place).join(' ')}`),
      );
    },
  );
  rule('zero and minus zero are one key, and so are all NaN', async (host) => {
    expect(await host.probe('float keys')).toBe('UniqueAlreadyExists UniqueAlreadyExists zero nan');
  });
  rule('rows whose key is NaN or infinite can be deleted, also by a later call, and taken back', async (host) => {
    expect(await host.probe('rows with a key of NaN')).toBe('1 1 1');
    const client = await host.dial({ as: 'ada' });
    const outcomes: string[] = [];
    for (const steps of [['nan 1', 'crash'], ['nan 2', 'nan 3'], ['-nan', 'refuse'], ['-nan']]) {
      const answer = await client.ask(call('reducer', 1, 'steps', strings(steps)));
      outcomes.push(answer.type === 'reducer' ? answer.outcome : answer.type);
    }
    expect(outcomes).toEqual(['internal', 'ok', 'error', 'ok']);
    expect(await host.sql('SELECT place FROM order_f64')).toEqual([{ place: 0 }]);
  });
  rule('whole rows are equal when their bytes are: minus zero is another row than zero', async (host) => {
    expect(await host.probe('zeros of both signs')).toBe('3');
  });
  rule('a key is looked up whole, by its first columns, and by the first column alone', async (host) => {
    expect(await host.probe('a whole key')).toBe('2y0');
    expect(await host.probe('a prefix')).toBe('2y-1 2y0 2y1');
    expect((await host.probe('the first column alone')).split(' ')).toHaveLength(9);
  });
  rule('a range behind a prefix holds what lies between its ends, in order', async (host) => {
    expect(await host.probe('a prefix and a range')).toBe('2x-1 2x0 2x1 2y-1 2y0 2y1');
  });
  rule('an excluded start skips every continuation of it, an included end keeps every one', async (host) => {
    expect(await host.probe('an excluded start skips all that continue it')).toBe('2y-1 2y0 2y1 2z-1 2z0 2z1');
    expect(await host.probe('an included end keeps all that continue it')).toBe('2x-1 2x0 2x1');
  });
  rule('open ends stay inside the prefix; without one they are the whole index', async (host) => {
    expect(await host.probe('open ends stay inside the prefix')).toBe('2y-1 2y0 2y1');
    expect(await host.probe('both ends open')).toBe('27');
  });
  rule('a range that ends before it starts is empty and no error', async (host) => {
    expect(await host.probe('ranges that hold nothing')).toBe('0 0 0 0 0');
  });
  rule('a hash index finds whole keys', async (host) => {
    expect(await host.probe('a hash index')).toBe('2y-1 2y0 2y1');
  });
  rule('what a range or a key holds can be deleted at once, and is counted', async (host) => {
    expect(await host.probe('ranges are deleted')).toBe('6 3 18');
  });
});
