import { HostError } from '../errors.ts';

/** Bytes that are not the BSATN they should be; `offset` counts from the start of the bytes that were read. */
export class BsatnError extends HostError {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super({
      code: 'bsatn/malformed',
      message: `malformed BSATN at byte ${offset}: ${problem}`,
      details: { offset, problem },
    });
    this.offset = offset;
  }
}

/** A value that does not have the form of the type it should be encoded as. */
export class UnencodableError extends HostError {
  constructor(expected: string, value: unknown) {
    super({
      code: 'bsatn/unencodable',
      message: `cannot encode ${describe(value)} as ${expected}`,
      details: { expected, found: describe(value) },
    });
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return `${typeof value} ${String(value)}`;
}
