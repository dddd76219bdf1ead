import { BsatnWriter } from '../../src/bsatn/writer.ts';

/** The BSATN that a test writes with a writer. */
export function bsatn(fill: (writer: BsatnWriter) => void): Uint8Array {
  const writer = new BsatnWriter();
  fill(writer);
  return writer.toBytes();
}

/** A list of strings, such as the only argument of `steps`. */
export const strings = (list: readonly string[]): Uint8Array =>
  bsatn((writer) => {
    writer.u32(list.length);
    for (const text of list) writer.string(text);
  });

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

/** A number that only counts: request ids of one test. */
export function counter(): () => number {
  let last = 0;
  return () => (last += 1);
}
