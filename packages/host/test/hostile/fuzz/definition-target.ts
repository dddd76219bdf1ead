import fc from 'fast-check';
import { BsatnError } from '../../../src/bsatn/bsatn-error.ts';
import { decodeRawModuleDef } from '../../../src/schema/decode-module-def.ts';
import { SchemaError } from '../../../src/schema/schema-error.ts';
import { validateModuleDef } from '../../../src/schema/validate.ts';
import { fromHex, hex } from '../../conformance/encoding.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { spoiled } from './spoil.ts';

/**
 * The definition that a module gives of itself, spoiled. Whatever it is: it is a definition, or refused with what is
 * wrong with it.
 */
export class DefinitionTarget implements FuzzTarget<Uint8Array> {
  readonly name = 'definitions';
  readonly inputs: fc.Arbitrary<Uint8Array>;
  /** How many inputs were definitions. */
  accepted = 0;

  /** `sound` are definitions of real modules. */
  constructor(sound: readonly Uint8Array[]) {
    const byte = fc.oneof(fc.constantFrom(0, 1, 2, 3, 7, 11, 18, 19, 0xff), fc.nat({ max: 255 }));
    const flipped = fc
      .tuple(fc.constantFrom(...sound), fc.array(fc.tuple(fc.nat(), byte), { maxLength: 3 }))
      .map(([bytes, changes]) => {
        const copy = bytes.slice();
        for (const [at, value] of changes) copy[at % copy.length] = value;
        return copy;
      });
    const shifted = spoiled(
      fc.constantFrom(...sound).map((bytes) => [...bytes]),
      byte,
      2,
    ).map((bytes) => Uint8Array.from(bytes));
    this.inputs = fc.oneof(flipped, shifted);
  }

  write(input: Uint8Array): string {
    return hex(input);
  }

  read(line: string): Uint8Array {
    return fromHex(line);
  }

  run(bytes: Uint8Array): void {
    try {
      validateModuleDef(decodeRawModuleDef(bytes));
      this.accepted += 1;
    } catch (error) {
      if (!(error instanceof SchemaError || error instanceof BsatnError))
        throw new Error('refused in the wrong way', { cause: error });
    }
  }
}
