export type { JsonObject, JsonValue, Value } from './json.ts';
export { compareKeys, DEPTH_LIMIT, escapeKey } from './json.ts';
export { encode, stringify } from './encode.ts';
export { decode, isCanonical, parse, parseJson } from './decode.ts';
export { canonicalJson } from './canonical-json.ts';
export { Sealed } from './sealed.ts';
export { encodeBase64, tryDecodeBase64 } from './base64.ts';
export { appendPointer, parsePointer } from './pointer.ts';
