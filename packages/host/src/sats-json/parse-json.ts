import { malformedJson, tooDeep } from './sats-json-error.ts';
import type { JsonNumber, JsonValue } from './json-value.ts';

/** How deep arrays and objects may stand inside each other: twice as deep as types can be. */
export const JSON_DEPTH_MAX = 128;

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// oxlint-disable-next-line no-control-regex -- JSON forbids control characters in strings.
const PLAIN_TEXT = /[^"\\\u0000-\u001f]*/y;
const FOUR_HEX_DIGITS = /[0-9a-fA-F]{4}/y;
const LONE_SURROGATE = /\p{Surrogate}/u;

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/**
 * Parses a JSON text by RFC 8259 and keeps what the language's own parser loses: the digits of numbers, and that a key
 * stands twice in an object, which is an error here, as are halves of surrogate pairs.
 * @throws {SatsJsonError} `sats-json/malformed`, `sats-json/limit` when nested deeper than `JSON_DEPTH_MAX`
 */
export function parseJson(text: string): JsonValue {
  const parser = new JsonParser(text);
  return parser.run();
}

class JsonParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  run(): JsonValue {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
    return value;
  }

  #value(): JsonValue {
    this.#skipSpace();
    const character = this.#text.charAt(this.#at);
    switch (character) {
      case '{':
        return this.#nested(() => this.#object());
      case '[':
        return this.#nested(() => this.#array());
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  /** Reads what stands between brackets, one level deeper. The depth is bounded, so that the stack is. */
  #nested<Value>(read: () => Value): Value {
    if (this.#depth >= JSON_DEPTH_MAX) throw tooDeep(JSON_DEPTH_MAX, this.#at);
    this.#depth += 1;
    this.#at += 1;
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #object(): ReadonlyMap<string, JsonValue> {
    const members = new Map<string, JsonValue>();
    if (this.#take('}')) return members;
    do {
      this.#skipSpace();
      if (this.#text.charAt(this.#at) !== '"') throw this.#unexpected('a key in double quotes');
      const keyAt = this.#at;
      const key = this.#string();
      if (members.has(key)) throw malformedJson(`the key ${JSON.stringify(key.slice(0, 60))} is there twice`, keyAt);
      if (!this.#take(':')) throw this.#unexpected('":"');
      members.set(key, this.#value());
    } while (this.#take(','));
    if (!this.#take('}')) throw this.#unexpected('"," or "}"');
    return members;
  }

  #array(): readonly JsonValue[] {
    const items: JsonValue[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#value());
    while (this.#take(','));
    if (!this.#take(']')) throw this.#unexpected('"," or "]"');
    return items;
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    let text = this.#match(PLAIN_TEXT) ?? '';
    for (;;) {
      const character = this.#text.charAt(this.#at);
      if (character === '"') break;
      if (character !== '\\') throw this.#unexpected('the rest of a string');
      this.#at += 1;
      text += this.#escape() + (this.#match(PLAIN_TEXT) ?? '');
    }
    this.#at += 1;
    if (LONE_SURROGATE.test(text)) throw malformedJson('a string holds half of a surrogate pair', start);
    return text;
  }

  /** What stands behind a backslash. */
  #escape(): string {
    const letter = this.#text.charAt(this.#at);
    if (letter === 'u') {
      this.#at += 1;
      const digits = this.#match(FOUR_HEX_DIGITS);
      if (digits === undefined) throw this.#unexpected('four hexadecimal digits');
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const escaped = ESCAPES.get(letter);
    if (escaped === undefined) throw this.#unexpected('an escape that JSON has');
    this.#at += 1;
    return escaped;
  }

  #number(): JsonNumber {
    const digits = this.#match(NUMBER);
    if (digits === undefined) throw this.#unexpected('a value');
    return { digits };
  }

  #word<Value>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected('a value');
    this.#at += word.length;
    return value;
  }

  #take(symbol: string): boolean {
    this.#skipSpace();
    if (this.#text.charAt(this.#at) !== symbol) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  /** Takes what a sticky pattern finds here. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #unexpected(expected: string): Error {
    const found = this.#text.codePointAt(this.#at);
    const what = found === undefined ? 'the end' : JSON.stringify(String.fromCodePoint(found));
    return malformedJson(`expected ${expected}, found ${what}`, this.#at);
  }
}
