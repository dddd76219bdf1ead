/** Arguments that are of the right types and otherwise as bad as can be, for every function that a module declares. */
import type { AlgebraicType } from '../../host/src/bsatn/algebraic-type.ts';
import { camelCase } from './plain-values.ts';

/** Draws from one seed; the same seed draws the same. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 and below `count`. */
  below(count: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * count);
  }

  /** One of several. */
  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T; // `below` gives an index of it
  }
}

const WIDTHS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  i8: [-128n, 127n],
  u8: [0n, 255n],
  i16: [-32_768n, 32_767n],
  u16: [0n, 65_535n],
  i32: [-(1n << 31n), (1n << 31n) - 1n],
  u32: [0n, (1n << 32n) - 1n],
  i64: [-(1n << 63n), (1n << 63n) - 1n],
  u64: [0n, (1n << 64n) - 1n],
  i128: [-(1n << 127n), (1n << 127n) - 1n],
  u128: [0n, (1n << 128n) - 1n],
  i256: [-(1n << 255n), (1n << 255n) - 1n],
  u256: [0n, (1n << 256n) - 1n],
};

/** Texts that mean something to the module, or to those who wrote it, and others. */
export const SENSELESS_TEXTS: readonly string[] = [
  '',
  ' ',
  '*',
  '**',
  'a..b',
  '__proto__',
  'constructor',
  'owner',
  '$system',
  'system:1',
  'role:',
  'role:guest',
  'event:**',
  'scope:*',
  'config:guests',
  'grant:admin',
  'read',
  'json/1',
  'sealed/1',
  'chunks/1',
  '{"bytes":1,"count":1,"digest":"d"}',
  '{"bytes":-1,"count":1e99,"digest":{}}',
  'null',
  '{}',
  '[]',
  '[{}]',
  '{"__proto__":{"a":1},"constructor":null}',
  '{"$bigint":"x"}',
  '[{"op":"add","path":"/a","value":1}]',
  `${'['.repeat(20_000)}`,
  `{"a":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
  '1e999',
  '"\\ud800"',
  '99999999999999999999:',
  '18446744073709551615:x',
  '0:',
  '999999/',
  '3/5:x',
  '4294967295',
  '\u0000',
  'a\nb',
  '\u{1f600}'.repeat(33),
  'x'.repeat(200),
  'x'.repeat(70_000),
  '0'.repeat(64),
];

/** Makes values of types; texts come from the pool. */
export class Arguments {
  readonly #dice: Dice;
  readonly #texts: readonly string[];
  readonly #byName: Readonly<Record<string, readonly string[]>>;

  /** `byName` gives parameters and fields of a name texts of their own. */
  constructor(dice: Dice, texts: readonly string[], byName: Readonly<Record<string, readonly string[]>> = {}) {
    this.#dice = dice;
    this.#texts = texts;
    this.#byName = byName;
  }

  /** Arguments of a function, as plain values by camelCase names. */
  of(params: readonly { readonly name: string | undefined; readonly algebraicType: AlgebraicType }[]): object {
    return Object.fromEntries(
      params.map(({ name, algebraicType }) => {
        const key = camelCase(name ?? '');
        const texts = this.#byName[key];
        const isText = algebraicType.type === 'string' && texts !== undefined;
        return [key, isText ? this.#dice.pick(texts) : this.value(algebraicType)];
      }),
    );
  }

  /** A value of a type. */
  value(type: AlgebraicType): unknown {
    switch (type.type) {
      case 'ref':
        throw new Error('a definition is resolved before it is used here');
      case 'product': {
        const [only] = type.elements;
        if (type.elements.length === 1 && only?.name?.startsWith('__') === true) {
          return { [only.name]: this.value(only.algebraicType) };
        }
        return this.of(type.elements);
      }
      case 'sum': {
        const { name, algebraicType } = this.#dice.pick(type.variants);
        if (type.variants[1]?.name === 'none') return name === 'none' ? undefined : this.value(algebraicType);
        return { tag: name ?? '', value: this.value(algebraicType) };
      }
      case 'array': {
        if (type.element.type === 'u8') return new Uint8Array(this.#dice.below(4)).fill(7);
        return Array.from({ length: this.#dice.below(4) }, () => this.value(type.element));
      }
      case 'string':
        return this.#dice.pick(this.#texts);
      case 'bool':
        return this.#dice.below(2) === 1;
      case 'f32':
      case 'f64':
        return this.#dice.pick([0, -0, 1.5, NaN, Infinity, -Infinity, Number.MAX_VALUE]);
      default:
        return this.#number(type.type);
    }
  }

  #number(type: string): bigint | number {
    const [least, most] = WIDTHS[type] ?? [0n, 0n];
    const number = this.#dice.pick([least, least + 1n, 0n, 1n, 2n, 3n, 100n, most - 1n, most]);
    return most > BigInt(Number.MAX_SAFE_INTEGER) ? number : Number(number);
  }
}
