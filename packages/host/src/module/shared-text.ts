/*
 * SpacetimeDB's library writes a string by encoding it into an array of its own and copying that into its buffer. An
 * array of more than 64 bytes lies outside the JavaScript heap: making and collecting it costs about a microsecond,
 * which was a quarter of the time of bulk writes. The one method that does so is rewritten to ask for a view of a
 * shared buffer, whose bytes are never written twice; everywhere else a module's TextEncoder gives arrays of their own.
 */

/** Name, in a module's scope, of the function that encodes text into a shared buffer. */
export const SHARED_TEXT_NAME = '__innerUniverseEncodeText';

const NAME = '[A-Za-z_$][\\w$]*';

/** `writeString(value) { ... }` as the library has it, in the two forms that bundlers leave of it. */
const WRITE_STRING = new RegExp(
  `writeString\\((?<value>${NAME})\\) \\{\\s*` +
    `(?:(?:const|let|var) (?<encoder>${NAME}) = new TextEncoder\\(\\);\\s*)?` +
    `(?:const|let|var) (?<bytes>${NAME}) = (?:new TextEncoder\\(\\)|\\k<encoder>)\\.encode\\(\\k<value>\\);\\s*` +
    `this\\.writeUInt8Array\\(\\k<bytes>\\);?\\s*\\}`,
  'g',
);

/** A module that brings its own encoder means that one. */
const OWN_ENCODER = /\b(?:class|function|var|let|const) TextEncoder\b|\bTextEncoder(?: as \w+)? \}/;

/** The body of a bundle, with the library's writer of strings using `SHARED_TEXT_NAME`; other code as it was. */
export function shareTextBuffers(code: string): string {
  if (OWN_ENCODER.test(code)) return code;
  return code.replace(
    WRITE_STRING,
    (_method, value: string) =>
      `writeString(${value}) {\n    this.writeUInt8Array(${SHARED_TEXT_NAME}(${value}));\n  }`,
  );
}
