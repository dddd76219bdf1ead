/** Name of the realm's global function that runs what the host selected; a bundle that declares it cannot be loaded. */
const STEP_NAME = '__innerUniverseStep';

/** Script that runs the selected step. Run as a script so that the realm's microtasks are done when it returns. */
export const STEP_SOURCE: string = `${STEP_NAME}()`;

/** Completion values of a step. */
export const STEP_RETURNED = 0;
export const STEP_USER_ERROR = 1;
export const STEP_FAILED = 2;

/**
 * Script that joins a module's realm to the host. It evaluates to `install(host)`, which returns the handles by which
 * the host loads the module and calls it.
 *
 * Invariants:
 * - Nothing that belongs to the host's world (its functions, errors, arrays) is ever reachable from the module: host
 *   functions are only called from closures in here, what they throw is caught in here, bytes are copied in here.
 * - What touches something of the host uses intrinsics taken before the module was evaluated; elsewhere a module that
 *   patches its prototypes harms itself only.
 */
export const PRELUDE_SOURCE: string = `'use strict';
let ${STEP_NAME} = () => undefined;
(function install(host) {
  const apply = Reflect.apply;
  const { Error, TypeError, RangeError, DataView, Uint8Array, String, Array, Object } = globalThis;
  const sliceBytes = Uint8Array.prototype.slice;
  const setBytes = Uint8Array.prototype.set;
  const isView = ArrayBuffer.isView;
  const stackLines = /\\n[^\\n]*(?:__spacetimedb_end_short_backtrace|spacetimedb_prelude|\\(node:vm:)[^]*$/;
  const replace = String.prototype.replace;
  const startsWith = String.prototype.startsWith;

  // ---- text codecs: short ASCII in here, the rest by the host, each where it was measured to be faster ----
  const SHORT_ENCODE = 16;
  const scratch = new Uint8Array(65536);
  const tryEncodeShort = (text) => {
    const length = text.length;
    if (length > SHORT_ENCODE) return undefined;
    const bytes = new Uint8Array(length);
    for (let position = 0; position < length; position++) {
      const unit = text.charCodeAt(position);
      if (unit > 127) return undefined;
      bytes[position] = unit;
    }
    return bytes;
  };
  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(input = '') {
      const text = typeof input === 'string' ? input : String(input);
      const short = tryEncodeShort(text);
      if (short !== undefined) return short;
      // A code unit takes three bytes at most.
      if (text.length * 3 <= scratch.length) return scratch.slice(0, host.writeUtf8(text, scratch));
      const bytes = new Uint8Array(host.utf8Length(text));
      host.writeUtf8(text, bytes);
      return bytes;
    }
  }
  const encode = TextEncoder.prototype.encode;
  // For the library's writer of strings, which copies the bytes at once (shared-text.ts). They stay as they are, but
  // lie in a buffer with others. A module that puts its own encoder in the place of this one is served by its own.
  const SHARED_BYTES = 65536;
  const SHARED_LENGTH_MAX = 2048;
  const NO_BYTES = new Uint8Array(0);
  let shared = new Uint8Array(SHARED_BYTES);
  let sharedUsed = 0;
  const encodeShared = (input) => {
    if (globalThis.TextEncoder !== TextEncoder || TextEncoder.prototype.encode !== encode) {
      return new globalThis.TextEncoder().encode(input);
    }
    if (input === '') return NO_BYTES;
    if (typeof input !== 'string' || input.length > SHARED_LENGTH_MAX) return apply(encode, undefined, [input]);
    const short = tryEncodeShort(input);
    if (short !== undefined) return short;
    if (sharedUsed + input.length * 3 > SHARED_BYTES) {
      shared = new Uint8Array(SHARED_BYTES);
      sharedUsed = 0;
    }
    const start = sharedUsed;
    sharedUsed += host.writeUtf8(input, new Uint8Array(shared.buffer, start));
    return new Uint8Array(shared.buffer, start, sharedUsed - start);
  };
  // The same without even a view: straight into the writer's buffer, of which the last one's bytes are kept.
  const LOOP_WRITE = 128;
  let writerBuffer;
  let writerBytes;
  const writeText = (writer, input) => {
    const isOurs = globalThis.TextEncoder === TextEncoder && TextEncoder.prototype.encode === encode;
    if (!isOurs || typeof input !== 'string' || input.length > SHARED_LENGTH_MAX) {
      writer.writeUInt8Array(encodeShared(input));
      return;
    }
    const length = input.length;
    writer.expandBuffer(4 + length * 3);
    const buffer = writer.buffer.buffer;
    if (buffer !== writerBuffer) {
      writerBytes = new Uint8Array(buffer);
      writerBuffer = buffer;
    }
    const start = writer.offset + 4;
    let written = 0;
    while (written < length && length <= LOOP_WRITE) {
      const unit = input.charCodeAt(written);
      if (unit > 127) break;
      writerBytes[start + written] = unit;
      written++;
    }
    if (written < length) written = host.writeUtf8(input, new Uint8Array(buffer, start));
    writer.writeU32(written);
    writer.offset += written;
  };
  // Short texts mostly come again: names, scopes, encodings. The same text is then the same string.
  const KEPT_DECODE = 16;
  const KEPT_PLACES = 256;
  const keptTexts = new Array(KEPT_PLACES).fill('');
  const placeOf = (bytes, start, length) => {
    let hash = length;
    for (let position = 0; position < length; position++) hash = (hash * 31 + bytes[start + position]) | 0;
    return (hash ^ (hash >>> 8)) & (KEPT_PLACES - 1);
  };
  const isText = (text, bytes, start, length) => {
    if (text.length !== length) return false;
    for (let position = 0; position < length; position++) {
      if (text.charCodeAt(position) !== bytes[start + position]) return false;
    }
    return true;
  };
  const decodePart = (bytes, start, length, isFatal) => {
    if (length === 0) return '';
    const place = length <= KEPT_DECODE ? placeOf(bytes, start, length) : -1;
    if (place >= 0 && isText(keptTexts[place], bytes, start, length)) return keptTexts[place];
    const part = start === 0 && length === bytes.length ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
    const text = host.readUtf8(part, isFatal);
    if (text === undefined) throw new TypeError('The encoded data was not valid utf-8');
    if (place >= 0) keptTexts[place] = text;
    return text;
  };
  class TextDecoder {
    #isFatal;
    constructor(label = 'utf-8', options = {}) {
      if (label !== 'utf-8') throw new RangeError("The encoding label provided ('" + String(label) + "') is not supported");
      if (options.ignoreBOM) throw new TypeError('TextDecoder: ignoreBOM is not supported');
      this.#isFatal = Boolean(options.fatal);
    }
    get encoding() { return 'utf-8'; }
    get fatal() { return this.#isFatal; }
    get ignoreBOM() { return false; }
    decode(input, options) {
      if (options !== undefined && options.stream) throw new TypeError('TextDecoder: stream is not supported');
      if (input === undefined) return '';
      const bytes = toBytes(input);
      return decodePart(bytes, 0, bytes.length, this.#isFatal);
    }
  }
  const decode = TextDecoder.prototype.decode;
  // For the library's reader of strings: without a decoder, and a view only of what is not kept.
  let readerBuffer;
  let readerBytes;
  const readText = (reader, length) => {
    if (globalThis.TextDecoder !== TextDecoder || TextDecoder.prototype.decode !== decode) {
      return new globalThis.TextDecoder('utf-8').decode(reader.readBytes(length));
    }
    const { view } = reader;
    const { buffer } = view;
    if (buffer !== readerBuffer) {
      readerBytes = new Uint8Array(buffer);
      readerBuffer = buffer;
    }
    const start = view.byteOffset + reader.offset;
    reader.offset += length;
    return decodePart(readerBytes, start, length, false);
  };
  // For the library's writer of identities, of which the last one's words are kept.
  const WORD = 0xffffffffffffffffn;
  let lastU256 = 0n;
  let words = [0n, 0n, 0n, 0n];
  const writeU256 = (writer, value) => {
    writer.expandBuffer(32);
    if (value !== lastU256) {
      words = [value & WORD, (value >> 64n) & WORD, (value >> 128n) & WORD, value >> 192n];
      lastU256 = value;
    }
    const { view, offset } = writer;
    view.setBigUint64(offset, words[0], true);
    view.setBigUint64(offset + 8, words[1], true);
    view.setBigUint64(offset + 16, words[2], true);
    view.setBigUint64(offset + 24, words[3], true);
    writer.offset = offset + 32;
  };
  const toBytes = (input) => {
    if (input instanceof Uint8Array) return input;
    return isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
  };
  for (const [name, value] of [['TextEncoder', TextEncoder], ['TextDecoder', TextDecoder]]) {
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }

  // ---- system calls ----
  let hooks;
  const errorOfCode = (code, message) => {
    if (hooks === undefined) return new Error(message);
    const ErrorClass = hooks.__get_error_constructor__(code);
    return new ErrorClass(message);
  };
  const convert = (thrown) => {
    let kind;
    let message;
    try {
      kind = host.classify(thrown);
      message = host.faultMessage();
    } catch {
      return new RangeError('Maximum call stack size exceeded');
    }
    if (kind > 0) return errorOfCode(kind, message);
    if (kind === -1) return new TypeError(message);
    if (kind === -2) return new RangeError(message);
    if (kind === -3) return { __buffer_too_small__: host.faultSize() };
    return new Error(message);
  };
  const functions = host.functions;
  const wrap = (call) => (a, b, c, d, e, f) => {
    try {
      return call(a, b, c, d, e, f);
    } catch (thrown) {
      throw convert(thrown);
    }
  };
  const copyBytes = (bytes) => {
    const copy = new Uint8Array(bytes.length);
    apply(setBytes, copy, [bytes]);
    return copy;
  };
  const wrapBytes = (call) => (a) => {
    let bytes;
    try {
      bytes = call(a);
    } catch (thrown) {
      throw convert(thrown);
    }
    return copyBytes(bytes);
  };
  const wrapPair = (call) => (a, b) => {
    let pair;
    try {
      pair = call(a, b);
    } catch (thrown) {
      throw convert(thrown);
    }
    return [copyBytes(pair[0]), copyBytes(pair[1])];
  };
  const moduleHooks = Symbol('SpacetimeDB.moduleHooks.v2');
  const sys20 = { moduleHooks, register_hooks() { throw new TypeError('modules of the first interface are not supported'); } };
  const sys21 = {};
  for (const name of host.functionNames) {
    const target = name === 'datastore_clear' ? sys21 : sys20;
    const wrapper = name === 'get_jwt_payload' ? wrapBytes : name === 'procedure_http_request' ? wrapPair : wrap;
    target[name] = wrapper(functions[name]);
  }
  Object.freeze(sys20);
  Object.freeze(sys21);

  const require = (specifier) => {
    if (specifier === 'spacetime:sys@2.0') return sys20;
    if (specifier === 'spacetime:sys@2.1') return sys21;
    host.unresolved(String(specifier));
    if (apply(startsWith, String(specifier), ['spacetime:sys@'])) {
      throw new TypeError('Could not import "' + String(specifier) + '", likely because this module was built for another version of SpacetimeDB.');
    }
    throw new TypeError('Could not find module "' + String(specifier) + '"');
  };

  // ---- calls ----
  let senderErrorClass;
  const describeError = (thrown) => {
    let message = '';
    let stack = '';
    try {
      message = thrown instanceof Error ? String(thrown.name) + ': ' + String(thrown.message) : 'Uncaught ' + String(thrown);
      stack = thrown instanceof Error && typeof thrown.stack === 'string' ? apply(replace, thrown.stack, [stackLines, '']) : message;
    } catch {
      message = message || 'an error that cannot be shown';
    }
    return { message, stack };
  };
  const RETURNED = 0;
  const USER_ERROR = 1;
  const FAILED = 2;
  let resultMessage = '';
  let resultStack = '';
  let resultBytes;
  let resultBody;
  const fail = (thrown) => {
    resultMessage = '';
    resultStack = '';
    try {
      if (typeof thrown === 'object' && thrown !== null && senderErrorClass !== undefined && thrown instanceof senderErrorClass) {
        resultMessage = String(thrown.message);
        return USER_ERROR;
      }
    } catch (nested) {
      thrown = nested;
    }
    const described = describeError(thrown);
    resultMessage = described.message;
    resultStack = described.stack;
    return FAILED;
  };

  const argsBuffer = new ArrayBuffer(4096);
  const argsBytes = new Uint8Array(argsBuffer);
  let largeArgs;
  let kind = 0;
  let id = 0;
  let sender = 0n;
  let connectionId = 0n;
  let timestamp = 0n;
  let argsLength = 0;
  let headLength = 0;
  const takeArgsBuffer = () => {
    const buffer = largeArgs === undefined ? argsBuffer : largeArgs.buffer;
    largeArgs = undefined;
    return buffer;
  };
  const run = () => {
    try {
      if (kind === 0) {
        const returned = hooks.__call_reducer__(id, sender, connectionId, timestamp, new DataView(takeArgsBuffer(), 0, argsLength));
        if (returned !== undefined) throw new TypeError('Reducer returned a value other than \`undefined\`');
        return RETURNED;
      }
      const args = apply(sliceBytes, new Uint8Array(takeArgsBuffer(), 0, argsLength), []);
      if (kind === 2 || kind === 3) {
        const view = kind === 2 ? hooks.__call_view__(id, sender, args) : hooks.__call_view_anon__(id, args);
        resultBytes = typeof view === 'object' && view !== null ? view.data : undefined;
        if (!(resultBytes instanceof Uint8Array)) throw new TypeError('View returned a value other than { data: Uint8Array }');
        return RETURNED;
      }
      if (kind === 4) {
        if (typeof hooks.__call_http_handler__ !== 'function') throw new TypeError('the module was built with a version of spacetimedb that has no HTTP handlers');
        const request = apply(sliceBytes, args, [0, headLength]);
        const answer = hooks.__call_http_handler__(id, timestamp, request, apply(sliceBytes, args, [headLength]));
        resultBytes = typeof answer === 'object' && answer !== null ? answer[0] : undefined;
        resultBody = resultBytes === undefined ? undefined : answer[1];
        if (!(resultBytes instanceof Uint8Array) || !(resultBody instanceof Uint8Array)) throw new TypeError('HTTP handler returned a value other than [Uint8Array, Uint8Array]');
        return RETURNED;
      }
      resultBytes = hooks.__call_procedure__(id, sender, connectionId, timestamp, args);
      if (!(resultBytes instanceof Uint8Array)) throw new TypeError('Procedure returned a value other than a Uint8Array');
      return RETURNED;
    } catch (thrown) {
      return fail(thrown);
    }
  };

  // Keys in code-unit order, as a real module namespace lists them: the ids of functions follow from it.
  const inOrder = (exported) => {
    const ordered = {};
    for (const name of Object.keys(exported).sort()) {
      Object.defineProperty(ordered, name, { value: exported[name], enumerable: true });
    }
    return ordered;
  };

  let body;
  const load = () => {
    const module = { exports: {} };
    apply(body, undefined, [module, module.exports, require, encodeShared, writeText, readText, writeU256]);
    const exported = module.exports;
    const schema = exported.default;
    if (schema === undefined || schema === null || typeof schema[moduleHooks] !== 'function') {
      throw new TypeError('must export schema as default export');
    }
    hooks = schema[moduleHooks](inOrder(exported));
    senderErrorClass = hooks.__sender_error_class__;
  };
  const describe = () => {
    resultBytes = hooks.__describe_module__();
    if (!(resultBytes instanceof Uint8Array)) throw new TypeError('__describe_module__ returned a value other than a Uint8Array');
  };
  const attempt = (action) => () => {
    try {
      action();
      return RETURNED;
    } catch (thrown) {
      return fail(thrown);
    }
  };
  const steps = { load: attempt(load), describe: attempt(describe), call: run };
  let selected;
  ${STEP_NAME} = () => {
    const step = selected;
    selected = undefined;
    return step === undefined ? undefined : step();
  };

  return {
    select(name) { selected = steps[name]; },
    setBody(next) { body = next; },
    argsBytes,
    allocateArgs(length) { largeArgs = new Uint8Array(length); return largeArgs; },
    prepare(nextKind, nextId, nextSender, nextConnectionId, nextTimestamp, nextLength, nextHeadLength) {
      kind = nextKind;
      id = nextId;
      sender = nextSender;
      connectionId = nextConnectionId;
      timestamp = nextTimestamp;
      argsLength = nextLength;
      headLength = nextHeadLength;
      selected = run;
    },
    message: () => resultMessage,
    stack: () => resultStack,
    bytes: () => resultBytes,
    body: () => resultBody,
    selectError(thrown) { selected = () => { resultStack = describeError(thrown).stack; return RETURNED; }; },
    promisePrototype: Promise.prototype,
  };
})
`;
