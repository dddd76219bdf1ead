import fc from 'fast-check';
import type { AlgebraicType } from '../../../src/bsatn/algebraic-type.ts';
import { compileCodec } from '../../../src/bsatn/codec.ts';
import { BsatnReader } from '../../../src/bsatn/reader.ts';
import { BsatnWriter } from '../../../src/bsatn/writer.ts';
import { parseJson } from '../../../src/sats-json/parse-json.ts';
import { compileJsonReader } from '../../../src/sats-json/read-value.ts';
import { SatsJsonError } from '../../../src/sats-json/sats-json-error.ts';
import { compileJsonWriter } from '../../../src/sats-json/write-value.ts';
import { readCorpus } from './corpus.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { spoiled } from './spoil.ts';

interface Input {
  readonly type: AlgebraicType;
  readonly text: string;
}

const PRIMITIVES = 'string bool i8 u8 i16 u16 i32 u32 i64 u64 i128 u128 i256 u256 f32 f64'.split(' ') as 'u8'[];
const special = (name: string, type: 'u256' | 'u128' | 'i64'): AlgebraicType => ({
  type: 'product',
  elements: [{ name, algebraicType: { type } }],
});
const UNIT: AlgebraicType = { type: 'product', elements: [] };

const types: fc.Arbitrary<AlgebraicType> = fc.letrec<{ type: AlgebraicType }>((tie) => {
  const parts = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('x', 'y', 'some', 'none', 'ok', '0', '1', 'a b', 'ü'),
      algebraicType: tie('type'),
    }),
    { minLength: 1, maxLength: 4, selector: ({ name }) => name },
  );
  return {
    type: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(...PRIMITIVES).map((type): AlgebraicType => ({ type })),
      fc.constantFrom(
        special('__identity__', 'u256'),
        special('__connection_id__', 'u128'),
        special('__timestamp_micros_since_unix_epoch__', 'i64'),
        special('__time_duration_micros__', 'i64'),
        special('__uuid__', 'u128'),
        UNIT,
      ),
      tie('type').map((element): AlgebraicType => ({ type: 'array', element })),
      tie('type').map((some): AlgebraicType => ({
        type: 'sum',
        variants: [
          { name: 'some', algebraicType: some },
          { name: 'none', algebraicType: UNIT },
        ],
      })),
      parts.map((elements): AlgebraicType => ({ type: 'product', elements })),
      parts.map((variants): AlgebraicType => ({ type: 'sum', variants })),
    ),
  };
}).type;

const PARTS = (
  '{ } [ ] , : " \\ null true false 0 -0 -1 1 255 256 1.5 1e2 1E-5 1e999 -1e999 18446744073709551616 "0xff" "-0x1" "00FF" ' +
  '"some" "none" "x" "0" \\u0000 \\ud800 \\ud83d\\ude00 \u0000 \u{10000} "__identity__" 00 + . e'
).split(' ');

/**
 * JSON of strangers, read as a value of any type. Whatever it is: it is a value, or refused as such with the place; and
 * a value that was read comes back byte for byte from the JSON that it is written as, in both styles.
 */
export class JsonTarget implements FuzzTarget<Input> {
  readonly name = 'json';
  readonly inputs: fc.Arbitrary<Input>;
  /** How many inputs were values. */
  values = 0;

  constructor() {
    const part = fc.oneof(fc.constantFrom(...PARTS), fc.string({ unit: 'binary', maxLength: 3 }));
    const any = fc.oneof(fc.constantFrom(...readCorpus('json')), fc.json({ maxDepth: 3 }));
    this.inputs = types.chain((type) => {
      const near = spoiled(
        jsonOf(type).map((text) => Array.from(text)),
        part,
        1,
      ).map((parts) => parts.join(''));
      const text = fc.oneof({ weight: 2, arbitrary: jsonOf(type) }, { weight: 3, arbitrary: near }, any);
      return fc.record({ type: fc.constant(type), text });
    });
  }

  write(input: Input): string {
    return JSON.stringify(input);
  }

  /** A line of the corpus is JSON alone; it is read as a list of texts. */
  read(line: string): Input {
    if (line.startsWith('{"type":')) return JSON.parse(line) as Input;
    return { type: { type: 'array', element: { type: 'string' } }, text: line };
  }

  run({ type, text }: Input): void {
    const codec = compileCodec(type);
    const encode = (json: string): Uint8Array => {
      const writer = new BsatnWriter();
      codec.encode(writer, compileJsonReader(type)(parseJson(json)));
      return writer.toBytes();
    };
    let bytes: Uint8Array;
    try {
      bytes = encode(text);
    } catch (error) {
      if (!(error instanceof SatsJsonError)) throw new Error('refused in the wrong way', { cause: error });
      if (error.message.trim() === '' || error.message.length > 2_000)
        throw new Error('refused without a word, or too many', { cause: error });
      return;
    }
    this.values += 1;
    if (hasNoFiniteFloat(type, bytes)) return;
    for (const style of ['typed', 'untyped'] as const) {
      const written = compileJsonWriter(type, style)(codec.decode(new BsatnReader(bytes)));
      if (Buffer.compare(encode(written), bytes) !== 0) throw new Error(`${style}: ${written} is another value`);
    }
  }
}

/** JSON that is likely to be read as a value of the type, in one of the forms that are taken. */
function jsonOf(type: AlgebraicType): fc.Arbitrary<string> {
  if (type.type === 'array') {
    const list = fc.array(jsonOf(type.element), { maxLength: 3 }).map((items) => `[${items.join(',')}]`);
    return type.element.type === 'u8' ? fc.oneof(list, fc.constantFrom('""', '"00ff"', '"0x"')) : list;
  }
  if (type.type === 'product') {
    const values = fc.tuple(...type.elements.map(({ algebraicType }) => jsonOf(algebraicType)));
    const keys = type.elements.map(({ name }) => JSON.stringify(name));
    return fc.oneof(
      values.map((list) => `[${list.join(',')}]`),
      values.map((list) => `{${list.map((value, at) => `${keys[at]}:${value}`).join(',')}}`),
    );
  }
  if (type.type === 'sum') {
    const variants = type.variants.map(({ name, algebraicType }, tag) =>
      fc.oneof(
        jsonOf(algebraicType).map((value) => `[${tag},${value}]`),
        jsonOf(algebraicType).map((value) => `{${JSON.stringify(name)}:${value}}`),
        jsonOf(algebraicType).map((value) => `{"${tag}":${value}}`),
      ),
    );
    return fc.oneof(fc.constant('null'), ...variants);
  }
  if (type.type === 'string') return fc.string({ unit: 'binary', maxLength: 6 }).map((text) => JSON.stringify(text));
  if (type.type === 'bool') return fc.constantFrom('true', 'false');
  if (type.type === 'f32' || type.type === 'f64')
    return fc.oneof(fc.double({ noNaN: true }).map(String), fc.constantFrom('1e999', '-0', '5e-324'));
  return fc.oneof(
    fc.bigInt({ min: -300n, max: 300n }).map(String),
    fc.constantFrom('"0xff"', '"-0x80"', '18446744073709551615'),
  );
}

/** Infinities, which a number too large becomes, are written as null: that is no number again. */
function hasNoFiniteFloat(type: AlgebraicType, bytes: Uint8Array): boolean {
  const written = compileJsonWriter(type, 'untyped')(compileCodec(type).decode(new BsatnReader(bytes)));
  return /\bnull\b/.test(written.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'));
}
