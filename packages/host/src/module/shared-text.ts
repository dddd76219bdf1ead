/*
 * SpacetimeDB's library writes a string by encoding it into an array of its own and copying that into its buffer. An
 * array of more than 64 bytes lies outside the JavaScript heap: making and collecting it costs about a microsecond,
 * which was a quarter of the time of bulk writes. The one method that does so is rewritten: where the writer of bytes
 * that it goes on to is the one that is known, to write straight into that buffer; else to ask for a view of a shared
 * buffer, whose bytes are never written twice. Everywhere else a module's TextEncoder gives arrays of their own.
 */

/** Name, in a module's scope, of the function that encodes text into a shared buffer. */
export const SHARED_TEXT_NAME = '__innerUniverseEncodeText';

/** Name, in a module's scope, of the function that writes text with the library's writer, which is given. */
export const WRITE_TEXT_NAME = '__innerUniverseWriteText';

const NAME = '[A-Za-z_$][\\w$]*';

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

/** A module that brings its own encoder means that one. */
const OWN_ENCODER = /\b(?:class|function|var|let|const) TextEncoder\b|\bTextEncoder(?: as \w+)? \}/;

/**
 * The body of a bundle, with the library's writer of strings using `WRITE_TEXT_NAME` or `SHARED_TEXT_NAME`; other code
 * as it was.
 */
export function shareTextBuffers(code: string): string {
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
