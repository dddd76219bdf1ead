import { describe, expect, test } from 'vitest';
import { programs } from '../../test/module-database.ts';
import { readModule } from './bundle-module.ts';
import { describeModule } from './describe-module.ts';
import { makeProgramLoader } from './program-loader.ts';
import { describeProgram } from './describe-program.ts';
import { SYSTEM_FUNCTION_NAMES, type SystemCallTarget } from './system-functions.ts';

const directory = new URL('../../test/fixtures', import.meta.url).pathname;
const LIBRARY = `import { schema, table, t } from 'spacetimedb/server';\n`;

/** A realm of a source text, whose system calls are counted and answered by nothing. */
async function open(source: string, calls: string[] = []) {
  const program = await programs.load(await readModule({ source, directory }));
  const entries = SYSTEM_FUNCTION_NAMES.map((name) => [name, () => void calls.push(name)]);
  const target: SystemCallTarget = {
    functions: Object.fromEntries(entries) as SystemCallTarget['functions'],
    fault: (thrown) => ({ kind: 0, message: String(thrown), size: 0 }),
  };
  const rejections: string[] = [];
  const realm = program.instantiate(target, { unhandledRejection: (message) => rejections.push(message) });
  return { realm, rejections };
}

const CALL = { id: 0, sender: 1n, connectionId: 0n, timestampMicros: 0n, args: new Uint8Array(0) };

async function loadError(bundle: string): Promise<unknown> {
  try {
    return await describeModule(bundle);
  } catch (error) {
    return error;
  }
}

describe('a bundle', () => {
  test.each([
    [
      'that is no JavaScript',
      'export default {',
      'module/load-failed',
      /no JavaScript module that can be read[^]*Expected identifier/,
    ],
    ['that exports no schema', 'export const a = 1;', 'module/load-failed', /must export schema as default export/],
    [
      'that exports something else',
      'export default { a: 1 };',
      'module/load-failed',
      /must export schema as default export/,
    ],
    ['that throws while it is loaded', 'throw new Error("no way");', 'module/load-failed', /Error: no way/],
    ['that throws no error', 'throw null;', 'module/load-failed', /Uncaught null/],
    ['with a top-level await', 'await 1; export default 1;', 'module/load-failed', /top-level await/],
    [
      'for the first interface',
      'import { x } from "spacetime:sys@1.0"; export default x;',
      'module/unsupported',
      /SpacetimeDB 1.x.*Rebuild/,
    ],
    [
      'that imports what is not there',
      'import fs from "node:fs"; export default fs;',
      'module/unsupported',
      /"node:fs"/,
    ],
    [
      'that calls the host too early',
      'import { table_id_from_name } from "spacetime:sys@2.0"; table_id_from_name("x");',
      'module/load-failed',
      /during module initialization/,
    ],
  ])('%s is refused with the reason', async (_what, bundle, code, message) => {
    const error = await loadError(bundle);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(message);
  });

  test('may log while it is loaded', async () => {
    const def = await describeModule(
      await readModule({ source: `${LIBRARY}console.log('hello');\nexport default schema({});`, directory }),
    );
    expect(def.tables.filter(({ isSystem }) => !isSystem)).toEqual([]);
  });

  test('of equal text is compiled once, and evaluated for each realm', async () => {
    const loader = makeProgramLoader();
    const text = await readModule({ source: `${LIBRARY}export default schema({});`, directory });
    const [first, second] = await Promise.all([loader.load(text), loader.load(text)]);
    expect(first).toBe(second);
    expect(describeProgram(first).raw).toEqual(describeProgram(second).raw);
  });

  test('is taken from a cache in its prepared form', async () => {
    const stored = new Map<string, string>();
    const cache = {
      read: async (key: string) => stored.get(key),
      write: async (key: string, text: string) => void stored.set(key, text),
    };
    const text = await readModule({ source: `${LIBRARY}export default schema({});`, directory });
    const { hash } = await makeProgramLoader(cache).load(text);
    expect([...stored.keys()]).toEqual([expect.stringMatching(new RegExp(`^[\\w-]+-${hash}$`))]);
    stored.set([...stored.keys()][0]!, 'throw new Error("from the cache");');
    const again = await makeProgramLoader(cache).load(text);
    expect(() => describeProgram(again)).toThrow(/from the cache/);
  });
});

describe('a source file', () => {
  test('that cannot be bundled says where and why', async () => {
    await expect(
      readModule({ source: `import x from './missing.ts';\nexport default x;`, directory }),
    ).rejects.toMatchObject({
      code: 'module/bundle-failed',
      message: expect.stringMatching(/Could not resolve "\.\/missing\.ts"[^]*module\.ts:1/),
    });
  });

  test('that is not there says so', async () => {
    await expect(readModule({ path: `${directory}/nowhere.ts` })).rejects.toMatchObject({ code: 'module/not-found' });
  });
});

describe('a realm', () => {
  test('has the language features that SpacetimeDB has, on any Node', async () => {
    const { realm } = await open(`${LIBRARY}
      const s = schema({});
      export default s;
      const check = (name, value) => { if (!value) throw new Error(name + ' is wrong'); };
      const list = (value) => JSON.stringify([...value]);
      export const features = s.reducer(() => {
        check('dispose', typeof Symbol.dispose === 'symbol' && typeof Symbol.asyncDispose === 'symbol');
        const a = new Set([1, 2, 3]);
        const b = new Set([2, 3, 4]);
        check('union', list(a.union(b)) === '[1,2,3,4]');
        check('intersection', list(a.intersection(b)) === '[2,3]');
        check('difference', list(a.difference(b)) === '[1]');
        check('symmetricDifference', list(a.symmetricDifference(b)) === '[1,4]');
        check('isSubsetOf', new Set([1]).isSubsetOf(a) && !a.isSubsetOf(b));
        check('isSupersetOf', a.isSupersetOf(new Set([1])) && !a.isSupersetOf(b));
        check('isDisjointFrom', a.isDisjointFrom(new Set([9])) && !a.isDisjointFrom(b));
        const numbers = () => [1, 2, 3, 4][Symbol.iterator]();
        check('map', list(numbers().map((n) => n * 2)) === '[2,4,6,8]');
        check('filter', list(numbers().filter((n) => n % 2)) === '[1,3]');
        check('take', list(numbers().take(2)) === '[1,2]');
        check('take 0', list(numbers().take(0)) === '[]');
        check('drop', list(numbers().drop(3)) === '[4]');
        check('flatMap', list(numbers().take(2).flatMap((n) => [n, n])) === '[1,1,2,2]');
        check('reduce', numbers().reduce((x, y) => x + y) === 10 && numbers().reduce((x, y) => x + y, 5) === 15);
        check('some', numbers().some((n) => n > 3) && !numbers().some((n) => n > 4));
        check('every', numbers().every((n) => n > 0) && !numbers().every((n) => n > 1));
        check('find', numbers().find((n) => n > 2) === 3 && numbers().find((n) => n > 9) === undefined);
        check('toArray', JSON.stringify(numbers().toArray()) === '[1,2,3,4]');
        let closed = false;
        const source = { next: () => ({ value: 1, done: false }), return() { closed = true; return { value: undefined, done: true }; } };
        check('from', list(Iterator.from(source).take(2)) === '[1,1]' && closed);
        check('groupBy', JSON.stringify(Object.groupBy([1, 2, 3], (n) => (n % 2 ? 'odd' : 'even'))) === '{"odd":[1,3],"even":[2]}');
        check('Map.groupBy', Map.groupBy([1, 2, 3], (n) => n % 2).get(1).length === 2);
        check('withResolvers', typeof Promise.withResolvers().resolve === 'function');
        check('transfer', new ArrayBuffer(4).transfer(8).byteLength === 8);
      });
    `);
    expect(realm.callReducer(CALL)).toEqual({ type: 'returned', bytes: new Uint8Array(0) });
  });

  test('has the text codecs of SpacetimeDB', async () => {
    const { realm } = await open(`${LIBRARY}
      const s = schema({});
      export default s;
      const encode = (text) => [...new TextEncoder().encode(text)].join();
      const decode = (bytes, options) => new TextDecoder('utf-8', options).decode(new Uint8Array(bytes));
      const thrown = (action) => { try { action(); return 'nothing'; } catch (error) { return error instanceof Error ? error.name : 'foreign'; } };
      export const codecs = s.reducer(() => {
        const facts = [
          encode('') === '', encode('aé') === '97,195,169', encode('\\ud800') === '239,191,189', encode(undefined) === '',
          encode('x'.repeat(30) + '\\u{1F600}').endsWith('240,159,152,128'), new TextEncoder().encode('y'.repeat(70000)).length === 70000,
          [10, 100, 5000].every((length) => new TextEncoder().encode('z'.repeat(length)).buffer.byteLength === length),
          decode([0xef, 0xbb, 0xbf, 0x61]) === '\\ufeffa', decode([0xff]) === '\\ufffd', new TextDecoder().decode() === '',
          new TextDecoder().decode(new Uint8Array([97, 98]).buffer) === 'ab', new TextDecoder().decode(new DataView(new Uint8Array([97]).buffer)) === 'a',
          thrown(() => decode([0xff], { fatal: true })) === 'TypeError', thrown(() => new TextDecoder('latin1')) === 'RangeError',
          thrown(() => new TextDecoder('utf-8', { ignoreBOM: true })) === 'TypeError',
          thrown(() => new TextDecoder().decode(new Uint8Array(1), { stream: true })) === 'TypeError',
        ];
        const wrong = facts.indexOf(false);
        if (wrong >= 0) throw new Error('fact ' + wrong);
      });
    `);
    expect(realm.callReducer(CALL)).toMatchObject({ type: 'returned' });
  });

  test('hands out nothing by which the process could be reached through plain names', async () => {
    const { realm } = await open(`
      import * as sys from 'spacetime:sys@2.0';
      import * as sys21 from 'spacetime:sys@2.1';
      ${LIBRARY}
      const s = schema({});
      export default s;
      const reach = (value) => { try { return value.constructor.constructor('return typeof process')(); } catch { return 'refused'; } };
      export const probe = s.reducer(() => {
        const found = [];
        for (const [name, value] of [...Object.entries(sys), ...Object.entries(sys21)]) {
          if (typeof value !== 'function') continue;
          if (reach(value) !== 'undefined') found.push(name);
          try { value({}, {}, {}); } catch (error) { if (reach(error) !== 'undefined') found.push('error of ' + name); }
        }
        if (reach(sys.get_jwt_payload(1n)) !== 'undefined') found.push('bytes');
        if (found.length > 0) throw new Error(found.join());
      });
    `);
    expect(realm.callReducer(CALL)).toMatchObject({ message: expect.not.stringContaining('error of') });
  });

  test('runs microtasks inside the call, and reports rejections that nobody handles', async () => {
    // The test runner's own listeners would report what is expected here.
    const foreign = process.listeners('unhandledRejection').filter(({ name }) => name !== 'onUnhandledRejection');
    for (const listener of foreign) process.off('unhandledRejection', listener);
    try {
      const { realm, rejections } = await open(`${LIBRARY}
        const s = schema({});
        export default s;
        export const reject = s.reducer(async () => { await null; throw new Error('too late'); });
      `);
      expect(realm.callReducer(CALL)).toMatchObject({ type: 'returned' });
      await new Promise((resolve) => setImmediate(resolve));
      // A frame of the host would tell who reads the log where it lies on the machine.
      expect(rejections).toEqual([
        expect.stringMatching(/^Error: too late(\n {4}at [^\n]*spacetimedb_module[^\n]*)+$/),
      ]);
      realm.close();
    } finally {
      for (const listener of foreign) process.on('unhandledRejection', listener);
    }
  });

  test('takes arguments of any size', async () => {
    const { realm } = await open(`${LIBRARY}
      const s = schema({});
      export default s;
      export const length = s.procedure({ text: t.string() }, t.u32(), (ctx, { text }) => text.length);
    `);
    for (const length of [0, 10, 4092, 4093, 100_000]) {
      const args = new Uint8Array(4 + length).fill(120);
      new DataView(args.buffer).setUint32(0, length, true);
      const outcome = realm.callProcedure({ ...CALL, args });
      expect(outcome.type === 'returned' && new DataView(outcome.bytes.buffer).getUint32(0, true)).toBe(length);
    }
  });
});
