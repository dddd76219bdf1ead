import vm from 'node:vm';
import { describe, expect, test } from 'vitest';
import { POLYFILLS_SOURCE } from './polyfills.ts';

/*
 * Each feature by what it does, in a context of its own, as a module has it. Where the engine has the feature itself,
 * both are asked: the engine, and what would be supplied in its place.
 */

/** Where a feature lies: an object in the context, and its name there. */
interface Feature {
  readonly owner: string;
  readonly name: string;
  /** Expressions with what they give; an error is told by its class. */
  readonly facts: readonly (readonly [expression: string, value: unknown])[];
}

const PRELUDE = `
  const list = (items) => [...items];
  const numbers = (...items) => items[Symbol.iterator]();
  const keysOf = (map) => [...map].map(([key, items]) => [key, [...items]]);
  const thrown = (action) => { try { action(); return 'nothing'; } catch (error) { return error.constructor.name; } };
  /** An iterator that counts how often it was closed. */
  const watched = (...items) => {
    const inner = items[Symbol.iterator]();
    return { closed: 0, next: () => inner.next(), return() { this.closed++; return {}; }, __proto__: Iterator.prototype };
  };
  const bytes = (...items) => new Uint8Array(items);
  const special = (value) => Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value);
`;

const set = (name: string, ...facts: Feature['facts']): Feature => ({ owner: 'Set.prototype', name, facts });
const iterator = (name: string, ...facts: Feature['facts']): Feature => ({ owner: 'Iterator.prototype', name, facts });

const FEATURES: readonly Feature[] = [
  set('union', ['list(new Set([3, 1]).union(new Set([2, 1])))', [3, 1, 2]]),
  set('union', ['thrown(() => new Set().union([1]))', 'TypeError']),
  set('union', ['thrown(() => Set.prototype.union.call([1], new Set()))', 'TypeError']),
  set('union', ['list(new Set([1]).union(new Map([[2, 3]])))', [1, 2]]),
  set('intersection', ['list(new Set([1, 2, 3]).intersection(new Set([3, 2])))', [3, 2]]),
  set('intersection', ['list(new Set([3, 2]).intersection(new Set([1, 2, 3])))', [3, 2]]),
  set('difference', ['list(new Set([1, 2, 3]).difference(new Set([2])))', [1, 3]]),
  set('symmetricDifference', ['list(new Set([1, 2]).symmetricDifference(new Set([2, 3])))', [1, 3]]),
  set('isSubsetOf', [
    '[new Set([1]).isSubsetOf(new Set([1, 2])), new Set([3]).isSubsetOf(new Set([1, 2]))]',
    [true, false],
  ]),
  set('isSupersetOf', [
    '[new Set([1, 2]).isSupersetOf(new Set([1])), new Set([1]).isSupersetOf(new Set([2]))]',
    [true, false],
  ]),
  set('isDisjointFrom', [
    '[new Set([1]).isDisjointFrom(new Set([2])), new Set([1]).isDisjointFrom(new Set([1, 2]))]',
    [true, false],
  ]),
  set('isSubsetOf', ['thrown(() => new Set().isSubsetOf({ size: -1, has() {}, keys() {} }))', 'RangeError']),
  set('isSubsetOf', ['thrown(() => new Set().isSubsetOf({ size: NaN, has() {}, keys() {} }))', 'TypeError']),

  iterator('map', ['list(numbers(1, 2, 3).map((n, at) => n * 10 + at))', [10, 21, 32]]),
  iterator('map', ['thrown(() => numbers(1).map(1))', 'TypeError']),
  iterator('map', [
    '{ const w = watched(1, 2); const m = w.map((n) => n); m.return(); [w.closed, m.next().done] }',
    [1, true],
  ]),
  iterator('map', ['{ const w = watched(1, 2); const m = w.map((n) => n); m.next(); m.return(); w.closed }', 1]),
  iterator('map', [
    '{ const w = watched(1); thrown(() => list(w.map(() => { throw new RangeError(); }))) + w.closed }',
    'RangeError1',
  ]),
  iterator('filter', ['list(numbers(1, 2, 3, 4).filter((n) => n % 2))', [1, 3]]),
  iterator('take', ['{ const w = watched(1, 2, 3); [list(w.take(2)), w.closed] }', [[1, 2], 1]]),
  iterator('take', [
    '[list(numbers(1).take(0)), list(numbers(1).take(9)), list(numbers(1, 2).take(1.9))]',
    [[], [1], [1]],
  ]),
  iterator('take', [
    '[thrown(() => numbers(1).take(-1)), thrown(() => numbers(1).take(NaN))]',
    ['RangeError', 'RangeError'],
  ]),
  iterator('drop', [
    '[list(numbers(1, 2, 3).drop(2)), list(numbers(1).drop(5)), list(numbers(1).drop(0))]',
    [[3], [], [1]],
  ]),
  iterator('flatMap', ['list(numbers(1, 2).flatMap((n) => [n, -n]))', [1, -1, 2, -2]]),
  iterator('flatMap', [
    'list(numbers(1).flatMap(() => ({ next: (() => { let n = 0; return () => ({ done: n++ > 1, value: n }); })() })))',
    [1, 2],
  ]),
  iterator('flatMap', ["thrown(() => list(numbers(1).flatMap(() => 'ab')))", 'TypeError']),
  iterator('reduce', [
    '[numbers(1, 2, 3).reduce((a, b) => a + b), numbers(1, 2).reduce((a, b) => a + b, 10)]',
    [6, 13],
  ]),
  iterator('reduce', [
    '[thrown(() => numbers().reduce((a) => a)), numbers().reduce((a) => a, undefined) === undefined]',
    ['TypeError', true],
  ]),
  iterator('toArray', ['numbers(1, 2).toArray()', [1, 2]]),
  iterator('forEach', [
    '{ const seen = []; numbers(5, 6).forEach((n, at) => seen.push([n, at])); seen }',
    [
      [5, 0],
      [6, 1],
    ],
  ]),
  iterator('some', [
    '{ const w = watched(1, 2, 3); [w.some((n) => n === 2), w.closed, w.next().value] }',
    [true, 1, 3],
  ]),
  iterator('every', ['{ const w = watched(1, 2, 3); [w.every((n) => n < 2), w.closed] }', [false, 1]]),
  iterator('find', ['[numbers(1, 2, 3).find((n) => n > 1), numbers(1).find(() => false) === undefined]', [2, true]]),
  {
    owner: 'globalThis',
    name: 'Iterator',
    facts: [
      ['[numbers() instanceof Iterator, (function* () {})() instanceof Iterator]', [true, true]],
      [
        '[thrown(() => new Iterator()), thrown(() => Iterator()), thrown(() => new (class extends Iterator {})())]',
        ['TypeError', 'TypeError', 'nothing'],
      ],
    ],
  },
  {
    owner: 'Iterator',
    name: 'from',
    facts: [
      [
        "[list(Iterator.from('ab')), list(Iterator.from([1])), list(Iterator.from({ next: () => ({ done: true }) }))]",
        [['a', 'b'], [1], []],
      ],
      ['{ const plain = { next: () => ({ done: false, value: 7 }) }; list(Iterator.from(plain).take(2)) }', [7, 7]],
      ['thrown(() => Iterator.from(5))', 'TypeError'],
    ],
  },
  {
    owner: 'Iterator',
    name: 'concat',
    facts: [
      ['list(Iterator.concat([1], new Set([2]), []))', [1, 2]],
      ['[thrown(() => Iterator.concat(1)), thrown(() => Iterator.concat({}))]', ['TypeError', 'TypeError']],
    ],
  },

  {
    owner: 'Promise',
    name: 'withResolvers',
    facts: [['Object.keys(Promise.withResolvers()).join()', 'promise,resolve,reject']],
  },
  { owner: 'Promise', name: 'try', facts: [['Promise.try(() => 1) instanceof Promise', true]] },
  {
    owner: 'Object',
    name: 'groupBy',
    facts: [
      ["Object.groupBy([1, 2, 3], (n, at) => (n + at) % 3 ? 'a' : 'b')", { a: [1, 3], b: [2] }],
      ['Object.getPrototypeOf(Object.groupBy([], () => 1)) === null', true],
    ],
  },
  {
    owner: 'Map',
    name: 'groupBy',
    facts: [
      [
        'keysOf(Map.groupBy([1, 2, 3], (n) => n % 2))',
        [
          [1, [1, 3]],
          [0, [2]],
        ],
      ],
      ['Object.is([...Map.groupBy([1], () => -0).keys()][0], 0)', true],
      ['thrown(() => Map.groupBy([1]))', 'TypeError'],
    ],
  },
  {
    owner: 'Map.prototype',
    name: 'getOrInsert',
    facts: [
      [
        '{ const m = new Map([[1, 2]]); [m.getOrInsert(1, 3), m.getOrInsert(2, 4), [...m]] }',
        [
          2,
          4,
          [
            [1, 2],
            [2, 4],
          ],
        ],
      ],
    ],
  },
  {
    owner: 'Map.prototype',
    name: 'getOrInsertComputed',
    facts: [
      ['{ const m = new Map(); [m.getOrInsertComputed(2, (k) => k * 2), m.getOrInsertComputed(2, () => 9)] }', [4, 4]],
      ['thrown(() => new Map([[1, 1]]).getOrInsertComputed(1))', 'TypeError'],
    ],
  },
  {
    owner: 'WeakMap.prototype',
    name: 'getOrInsert',
    facts: [['{ const k = {}; const m = new WeakMap(); m.getOrInsert(k, 1); m.getOrInsert(k, 2) }', 1]],
  },
  {
    owner: 'WeakMap.prototype',
    name: 'getOrInsertComputed',
    facts: [['new WeakMap().getOrInsertComputed({}, () => 3)', 3]],
  },

  {
    owner: 'Math',
    name: 'f16round',
    facts: [
      [
        '[0, -0, 1, 1.337, 5.5, 65504, 65519, 65520, -65520, 2 ** -24, 2 ** -25, 2 ** -25 * 1.5, 6.1e-5, NaN, Infinity].map((n) => special(Math.f16round(n)))',
        [
          0,
          '-0',
          1,
          1.3369140625,
          5.5,
          65504,
          65504,
          'Infinity',
          '-Infinity',
          2 ** -24,
          0,
          2 ** -24,
          0.00006097555160522461,
          'NaN',
          'Infinity',
        ],
      ],
    ],
  },
  {
    owner: 'Math',
    name: 'sumPrecise',
    facts: [
      [
        '[[0.1, 0.2, 0.3], [1e308, 1e308, -1e308], [1e20, 0.1, -1e20], [1, 2 ** -53, 2 ** -80], [5e-324, 5e-324], [1e308, 1e308], [], [-0], [-0, 0], [Infinity, 1], [Infinity, -Infinity], [2.2250738585072014e-308, -5e-324]].map((n) => special(Math.sumPrecise(n)))',
        [
          0.6,
          1e308,
          0.1,
          1.0000000000000002,
          1e-323,
          'Infinity',
          '-0',
          '-0',
          0,
          'Infinity',
          'NaN',
          2.225073858507201e-308,
        ],
      ],
      ['thrown(() => Math.sumPrecise([1n]))', 'TypeError'],
    ],
  },
  {
    owner: 'RegExp',
    name: 'escape',
    facts: [
      [
        "['a.b', 'xyz', '1-2', '_a', 'a\\n', ' /', 'é', '\\ud800', '()[]{}'].map((text) => RegExp.escape(text))",
        ['\\x61\\.b', '\\x78yz', '\\x31\\x2d2', '_a', '\\x61\\n', '\\x20\\/', 'é', '\\ud800', '\\(\\)\\[\\]\\{\\}'],
      ],
      [
        "['a.b*c', 'x-y, z', '\\t$^'].every((text) => new RegExp('^' + RegExp.escape(text) + '$', 'u').test(text))",
        true,
      ],
      ['thrown(() => RegExp.escape(1))', 'TypeError'],
    ],
  },
  {
    owner: 'Error',
    name: 'isError',
    facts: [
      [
        "[new Error(), new TypeError(), { message: '' }, null, 'text'].map((value) => Error.isError(value))",
        [true, true, false, false, false],
      ],
    ],
  },

  {
    owner: 'ArrayBuffer.prototype',
    name: 'transfer',
    facts: [
      ['[...new Uint8Array(bytes(1, 2, 3).buffer.transfer(4))]', [1, 2, 3, 0]],
      ['[...new Uint8Array(bytes(1, 2, 3).buffer.transfer(2)), bytes(1).buffer.transfer().byteLength]', [1, 2, 1]],
    ],
  },
  {
    owner: 'ArrayBuffer.prototype',
    name: 'transferToFixedLength',
    facts: [['bytes(1, 2).buffer.transferToFixedLength(1).byteLength', 1]],
  },
  {
    owner: 'Uint8Array',
    name: 'fromHex',
    facts: [
      ["[...Uint8Array.fromHex('00fFa5')]", [0, 255, 165]],
      [
        "[thrown(() => Uint8Array.fromHex('0')), thrown(() => Uint8Array.fromHex('0g')), thrown(() => Uint8Array.fromHex(1))]",
        ['SyntaxError', 'SyntaxError', 'TypeError'],
      ],
    ],
  },
  { owner: 'Uint8Array.prototype', name: 'toHex', facts: [['bytes(0, 15, 255).toHex()', '000fff']] },
  {
    owner: 'Uint8Array.prototype',
    name: 'setFromHex',
    facts: [
      ["{ const b = bytes(9, 9, 9); [b.setFromHex('0102'), [...b]] }", [{ read: 4, written: 2 }, [1, 2, 9]]],
      ["bytes(0).setFromHex('0102')", { read: 2, written: 1 }],
    ],
  },
  {
    owner: 'Uint8Array',
    name: 'fromBase64',
    facts: [
      [
        '[[], [0], [0, 1], [0, 1, 2], [251, 255]].map((b) => [...Uint8Array.fromBase64(btoa_(b))])',
        [[], [0], [0, 1], [0, 1, 2], [251, 255]],
      ],
      ["[...Uint8Array.fromBase64(' -_8\\n', { alphabet: 'base64url' })]", [251, 255]],
      [
        "['A', '=', 'AA=', 'A===', 'AA==A', 'A*', 'AAAA='].map((text) => thrown(() => Uint8Array.fromBase64(text)))",
        Array(7).fill('SyntaxError'),
      ],
      [
        "['AA', 'AB=='].map((text) => thrown(() => Uint8Array.fromBase64(text, { lastChunkHandling: 'strict' })))",
        ['SyntaxError', 'SyntaxError'],
      ],
      [
        "['AA', 'AAAAA', 'AAAAAA='].map((text) => Uint8Array.fromBase64(text, { lastChunkHandling: 'stop-before-partial' }).length)",
        [0, 3, 3],
      ],
      ["thrown(() => Uint8Array.fromBase64('', { alphabet: 'other' }))", 'TypeError'],
    ],
  },
  {
    owner: 'Uint8Array.prototype',
    name: 'toBase64',
    facts: [
      [
        '[[], [0], [0, 1], [0, 1, 2], [251, 255, 190]].map((b) => bytes(...b).toBase64())',
        ['', 'AA==', 'AAE=', 'AAEC', '+/++'],
      ],
      ["bytes(251, 255).toBase64({ alphabet: 'base64url', omitPadding: true })", '-_8'],
    ],
  },
  {
    owner: 'Uint8Array.prototype',
    name: 'setFromBase64',
    facts: [
      [
        "{ const b = bytes(9, 9, 9, 9); [b.setFromBase64('AAECAwQF'), [...b]] }",
        [{ read: 4, written: 3 }, [0, 1, 2, 9]],
      ],
      [
        "[bytes(0, 0).setFromBase64('AAE='), bytes(0).setFromBase64('AAE='), bytes().setFromBase64('AAE=')]",
        [
          { read: 4, written: 2 },
          { read: 0, written: 0 },
          { read: 0, written: 0 },
        ],
      ],
    ],
  },

  {
    owner: 'globalThis',
    name: 'SuppressedError',
    facts: [
      [
        "{ const e = new SuppressedError(1, 2, 'both'); [e instanceof Error, e.name, e.error, e.suppressed, e.message] }",
        [true, 'SuppressedError', 1, 2, 'both'],
      ],
    ],
  },
  {
    owner: 'globalThis',
    name: 'DisposableStack',
    facts: [
      [
        `{ const seen = []; const s = new DisposableStack();
        s.use({ [Symbol.dispose]() { seen.push('used'); } }); s.use(null); s.adopt('a', (v) => seen.push(v)); s.defer(() => seen.push('last'));
        const before = s.disposed; s.dispose(); s.dispose(); [before, s.disposed, seen] }`,
        [false, true, ['last', 'a', 'used']],
      ],
      [
        `{ const s = new DisposableStack(); for (const name of ['a', 'b']) s.defer(() => { throw new Error(name); });
        let caught; try { s.dispose(); } catch (error) { caught = error; } [caught.constructor.name, caught.error.message, caught.suppressed.message] }`,
        ['SuppressedError', 'a', 'b'],
      ],
      [
        `{ const seen = []; const s = new DisposableStack(); s.defer(() => seen.push(1)); const m = s.move(); s.dispose(); const early = seen.length; m.dispose();
        [early, seen.length, m instanceof DisposableStack, thrown(() => s.defer(() => 0))] }`,
        [0, 1, true, 'ReferenceError'],
      ],
      [
        '[thrown(() => new DisposableStack().use({})), thrown(() => new DisposableStack().defer(1))]',
        ['TypeError', 'TypeError'],
      ],
    ],
  },
  {
    owner: 'globalThis',
    name: 'AsyncDisposableStack',
    facts: [
      [
        '[typeof AsyncDisposableStack.prototype.disposeAsync, new AsyncDisposableStack().disposeAsync() instanceof Promise]',
        ['function', true],
      ],
    ],
  },
];

/** Base64 by Node, for the tests alone. */
const GLOBALS = { btoa_: (bytes: readonly number[]) => Buffer.from(bytes).toString('base64') };

function makeContext(withoutOwn: boolean): vm.Context {
  const context = vm.createContext({ ...GLOBALS });
  if (withoutOwn) {
    for (const { owner, name } of FEATURES) {
      if (name !== 'Iterator')
        vm.runInContext(`{ let o; try { o = ${owner}; } catch {} if (o) delete o.${name}; }`, context);
    }
    vm.runInContext('delete globalThis.Iterator', context);
  }
  return context;
}

function evaluate(context: vm.Context, expression: string): unknown {
  // A block's completion value is its last expression; an object is one in parentheses.
  const text = expression.startsWith('{') ? expression : `(${expression})`;
  return JSON.parse(
    vm.runInContext(
      `(() => { ${PRELUDE} return JSON.stringify(eval(${JSON.stringify(text)})); })()`,
      context,
    ) as string,
  );
}

const facts = FEATURES.flatMap(({ owner, name, facts: all }) =>
  all.map(([expression, value]) => ({ feature: `${owner}.${name}`, owner, name, expression, value })),
);

describe('supplied', () => {
  const context = makeContext(true);
  vm.runInContext(POLYFILLS_SOURCE, context);

  test.each(facts)('$feature: $expression', ({ expression, value }) => {
    expect(evaluate(context, expression)).toEqual(value);
  });

  test.each(FEATURES)('$owner.$name is no enumerable property', ({ owner, name }) => {
    expect(evaluate(context, `Object.getOwnPropertyDescriptor(${owner}, '${name}')`)).toMatchObject({
      enumerable: false,
      configurable: true,
    });
  });
});

describe('left to the engine', () => {
  const untouched = makeContext(false);
  const own = new Set(
    FEATURES.filter(({ owner, name }) => {
      try {
        return vm.runInContext(`'${name}' in ${owner}`, untouched) as boolean;
      } catch {
        return false;
      }
    }).map(({ owner, name }) => `${owner}.${name}`),
  );
  const context = makeContext(false);
  const before = [...own].map((path) => vm.runInContext(path, context) as unknown);
  vm.runInContext(POLYFILLS_SOURCE, context);

  test.runIf(own.size > 0)('is what the engine has', () => {
    const after = [...own].map((path) => vm.runInContext(path, context) as unknown);
    expect(after.filter((value, at) => value !== before[at]).length).toBe(0);
  });

  // The facts are those of the language, not of what is supplied.
  test.runIf(own.size > 0).each(facts.filter(({ feature }) => own.has(feature) && own.has('globalThis.Iterator')))(
    '$feature: $expression',
    ({ expression, value }) => {
      expect(evaluate(context, expression)).toEqual(value);
    },
  );
});

describe('promises', () => {
  async function settle(text: string): Promise<unknown> {
    const context = makeContext(true);
    vm.runInContext(POLYFILLS_SOURCE, context);
    return JSON.parse(JSON.stringify(await vm.runInContext(`(async () => { ${text} })()`, context)));
  }

  test('are made with their resolvers', async () => {
    expect(await settle('const { promise, resolve } = Promise.withResolvers(); resolve(5); return promise;')).toBe(5);
  });

  test('catch what a function throws', async () => {
    expect(
      await settle(`return [await Promise.try((a, b) => a + b, 1, 2),
        await Promise.try(() => { throw new RangeError('no'); }).catch((error) => error.message)];`),
    ).toEqual([3, 'no']);
  });

  test('are awaited one after the other by Array.fromAsync', async () => {
    expect(
      await settle(`async function* later() { yield 1; yield 2; }
        return [await Array.fromAsync(later()), await Array.fromAsync([Promise.resolve(3), 4], async (n, at) => n * 10 + at),
          await Array.fromAsync({ length: 1, 0: Promise.resolve('like') })];`),
    ).toEqual([[1, 2], [30, 41], ['like']]);
  });

  test('are disposed of in order by an asynchronous stack', async () => {
    expect(
      await settle(`const seen = []; const stack = new AsyncDisposableStack();
        stack.use({ async [Symbol.asyncDispose]() { await null; seen.push('async'); } });
        stack.use({ [Symbol.dispose]() { seen.push('sync'); } });
        stack.adopt('adopted', async (value) => { await null; seen.push(value); });
        stack.defer(async () => { throw new Error('failed'); });
        const message = await stack.disposeAsync().catch((error) => error.message);
        return [seen, message, stack.disposed];`),
    ).toEqual([['adopted', 'sync', 'async'], 'failed', true]);
  });
});

test('iterators are disposable, and the symbols for that are there', () => {
  const context = makeContext(true);
  vm.runInContext(POLYFILLS_SOURCE, context);
  const expression = `{ const w = watched(1); w[Symbol.dispose](); [w.closed, typeof Symbol.asyncDispose] }`;
  expect(evaluate(context, expression)).toEqual([1, 'symbol']);
});

test('what is random is refused, and there is no console but the one that a bundle brings', () => {
  const context = makeContext(false);
  vm.runInContext(POLYFILLS_SOURCE, context);
  expect(evaluate(context, 'thrown(() => Math.random())')).toBe('TypeError');
  expect(evaluate(context, `'console' in globalThis`)).toBe(false);
});
