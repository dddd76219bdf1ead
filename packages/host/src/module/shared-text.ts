/*
 * SpacetimeDB's library writes a string by encoding it into an array of its own and copying that into its buffer. An
 * array of more than 64 bytes lies outside the JavaScript heap: making and collecting it costs about a microsecond,
 * which was a quarter of the time of bulk writes. The one method that does so is rewritten: where the writer of bytes
 * that it goes on to is the one that is known, to write straight into that buffer; else to ask for a view of a shared
 * buffer, whose bytes are never written twice. Everywhere else a module's TextEncoder gives arrays of their own.
 *
 * To read a string it makes a view of its bytes and a decoder. That method is rewritten too, where the reader of bytes
 * is the one that is known: texts that come again and again are then told by their bytes where they lie.
 *
 * To write an identity it makes numbers of a text and of its own ones, each time. Mostly it is the caller's, again and
 * again: its words are kept.
 */

/** Name, in a module's scope, of the function that encodes text into a shared buffer. */
export const SHARED_TEXT_NAME = '__innerUniverseEncodeText';

/** Name, in a module's scope, of the function that writes text with the library's writer, which is given. */
export const WRITE_TEXT_NAME = '__innerUniverseWriteText';

/** Name, in a module's scope, of the function that reads text of a length with the library's reader, which is given. */
export const READ_TEXT_NAME = '__innerUniverseReadText';

/** Name, in a module's scope, of the function that writes an identity's number with the library's writer, which is given. */
export const WRITE_U256_NAME = '__innerUniverseWriteU256';

const NAME = '[A-Za-z_$][\\w$]*';

/** Between two declarations. */
const NEXT = '(?:;\\s*(?:const|let|var) |,\\s*)';

/** `writeString(value) { ... }` as the library has it, in the two forms that bundlers leave of it. */
const WRITE_STRING = new RegExp(
  `writeString\\((?<value>${NAME})\\) \\{\\s*` +
    `(?:(?:const|let|var) (?<encoder>${NAME}) = new TextEncoder\\(\\);\\s*)?` +
    `(?:const|let|var) (?<bytes>${NAME}) = (?:new TextEncoder\\(\\)|\\k<encoder>)\\.encode\\(\\k<value>\\);\\s*` +
    `this\\.writeUInt8Array\\(\\k<bytes>\\);?\\s*\\}`,
  'g',
);

/** `writeUInt8Array(value) { ... }` as the library has it, and as bundlers join its statements. */
const WRITE_BYTES = new RegExp(
  `writeUInt8Array\\((?<value>${NAME})\\) \\{\\s*(?:const|let|var) (?<length>${NAME}) = \\k<value>\\.length[;,]\\s*` +
    `this\\.expandBuffer\\(4 \\+ \\k<length>\\)[;,]\\s*this\\.writeU32\\(\\k<length>\\)[;,]\\s*` +
    `new Uint8Array\\(this\\.buffer\\.buffer, this\\.offset\\)\\.set\\(\\k<value>\\)[;,]\\s*` +
    `this\\.offset \\+= \\k<length>;?\\s*\\}`,
  'g',
);

/** The end of `readString() { ... }` as the library has it: its length was read, and is there. */
const READ_STRING = new RegExp(
  `(?<head>readString\\(\\) \\{\\s*(?:const|let|var) (?<length>${NAME}) = this\\.readU32\\(\\);\\s*this\\.#${NAME}\\(\\k<length>\\);\\s*)` +
    `(?:const|let|var) (?<bytes>${NAME}) = this\\.readBytes\\(\\k<length>\\);\\s*` +
    `return new TextDecoder\\("utf-8"\\)\\.decode\\(\\k<bytes>\\);?\\s*\\}`,
  'g',
);

/** `readBytes(length) { ... }` as the library has it, and as bundlers join its statements. */
const READ_BYTES = new RegExp(
  `readBytes\\((?<length>${NAME})\\) \\{\\s*(?:const|let|var) (?<array>${NAME}) = new Uint8Array\\(\\s*` +
    `this\\.view\\.buffer,\\s*this\\.view\\.byteOffset \\+ this\\.offset,\\s*\\k<length>\\s*\\);\\s*` +
    `(?:this\\.offset \\+= \\k<length>;\\s*return \\k<array>;?|return this\\.offset \\+= \\k<length>, \\k<array>;?)\\s*\\}`,
  'g',
);

/** `writeU256(value) { ... }` as the library has it, and as minifiers join its statements and reckon out its products. */
const WRITE_U256 = new RegExp(
  `writeU256\\((?<value>${NAME})\\) \\{\\s*this\\.expandBuffer\\(32\\);\\s*` +
    `(?:const|let|var) (?<mask>${NAME}) = BigInt\\("0xFFFFFFFFFFFFFFFF"\\)${NEXT}` +
    `(?<p0>${NAME}) = \\k<value> & \\k<mask>${NEXT}` +
    `(?<p1>${NAME}) = \\k<value> >> BigInt\\((?:64 \\* 1|64)\\) & \\k<mask>${NEXT}` +
    `(?<p2>${NAME}) = \\k<value> >> BigInt\\((?:64 \\* 2|128)\\) & \\k<mask>${NEXT}` +
    `(?<p3>${NAME}) = \\k<value> >> BigInt\\((?:64 \\* 3|192)\\);\\s*` +
    [0, 1, 2, 3]
      .map(
        (word) =>
          `this\\.view\\.setBigUint64\\(this\\.offset \\+ (?:8 \\* ${word}|${8 * word}), \\k<p${word}>, (?:true|!0)\\)[;,]\\s*`,
      )
      .join('') +
    `this\\.offset \\+= 32;?\\s*\\}`,
  'g',
);

/** A module that brings its own decoder means that one. */
const OWN_DECODER = /\b(?:class|function|var|let|const) TextDecoder\b|\bTextDecoder(?: as \w+)? \}/;

/** A module that brings its own encoder means that one. */
const OWN_ENCODER = /\b(?:class|function|var|let|const) TextEncoder\b|\bTextEncoder(?: as \w+)? \}/;

/**
 * The body of a bundle, with the library's writer of strings using `WRITE_TEXT_NAME` or `SHARED_TEXT_NAME` and its
 * reader `READ_TEXT_NAME`, and with its writer of identities using `WRITE_U256_NAME`; other code as it was.
 */
export function shareTextBuffers(code: string): string {
  return shareReaders(shareWriters(code)).replace(
    WRITE_U256,
    (_method, value: string) => `writeU256(${value}) {\n    ${WRITE_U256_NAME}(this, ${value});\n  }`,
  );
}

function shareReaders(code: string): string {
  if (OWN_DECODER.test(code)) return code;
  // Each class has one of each, or it is not known which goes with which.
  if (code.match(READ_STRING)?.length !== code.match(READ_BYTES)?.length) return code;
  return code.replace(
    READ_STRING,
    (_method, head: string, length: string) => `${head}return ${READ_TEXT_NAME}(this, ${length});\n  }`,
  );
}

function shareWriters(code: string): string {
  if (OWN_ENCODER.test(code)) return code;
  const writersOfStrings = code.match(WRITE_STRING)?.length ?? 0;
  // Each class has one of each, or it is not known which goes with which.
  const writesStraight = code.match(WRITE_BYTES)?.length === writersOfStrings;
  return code.replace(WRITE_STRING, (_method, value: string) => {
    const statement = writesStraight
      ? `${WRITE_TEXT_NAME}(this, ${value})`
      : `this.writeUInt8Array(${SHARED_TEXT_NAME}(${value}))`;
    return `writeString(${value}) {\n    ${statement};\n  }`;
  });
}
