import { invalidQuery } from './query-error.ts';

/**
 * - `word`: an identifier or keyword as written; case is kept.
 * - `quoted`: an identifier in double quotes, unescaped.
 * - `number`: digits as written, without a sign.
 * - `string`: unescaped. `hex`: the digits of `0x…` or `X'…'`.
 * - `parameter`: the name behind a colon. `symbol`: punctuation or operator. `end`: the end of the text.
 */
type TokenType = 'word' | 'quoted' | 'number' | 'string' | 'hex' | 'parameter' | 'symbol' | 'end';

export interface Token {
  readonly type: TokenType;
  readonly text: string;
  /** Position of the first code unit, from 0. */
  readonly at: number;
}

const SYMBOLS_OF_TWO: ReadonlySet<string> = new Set(['<>', '!=', '<=', '>=', '||', '::', '->', '==', '<@', '@>']);
const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const HEX_DIGITS = /[0-9a-fA-F]*/y;
const SPACE = /\s+/y;

/** Cuts SQL into tokens; the last is always `end`. Comments are space. @throws {QueryError} `query/invalid` */
export function tokenize(sql: string): readonly Token[] {
  return new Lexer(sql).run();
}

class Lexer {
  readonly #sql: string;
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(sql: string) {
    this.#sql = sql;
  }

  run(): readonly Token[] {
    for (;;) {
      this.#skipSpace();
      if (this.#at >= this.#sql.length) break;
      this.#token();
    }
    this.#push('end', '', this.#at);
    return this.#tokens;
  }

  #token(): void {
    const at = this.#at;
    const char = this.#sql.charAt(at);
    const next = this.#sql.charAt(at + 1);
    if (char === "'") return this.#push('string', this.#quoted("'"), at);
    if (char === '"') return this.#push('quoted', this.#identifier(), at);
    if ((char === 'x' || char === 'X') && next === "'") return this.#push('hex', this.#quotedHex(), at);
    if (char === '0' && (next === 'x' || next === 'X')) {
      this.#at += 2;
      return this.#push('hex', this.#match(HEX_DIGITS) ?? '', at);
    }
    const word = this.#match(WORD);
    if (word !== undefined) return this.#push('word', word, at);
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#push('number', number, at);
    if (char === ':' && next !== ':') {
      this.#at += 1;
      return this.#push('parameter', this.#match(WORD) ?? '', at);
    }
    const symbol = SYMBOLS_OF_TWO.has(char + next) ? char + next : String.fromCodePoint(this.#codePoint());
    this.#at += symbol.length;
    this.#push('symbol', symbol, at);
  }

  #codePoint(): number {
    return this.#sql.codePointAt(this.#at) ?? 0xfffd;
  }

  #push(type: TokenType, text: string, at: number): void {
    this.#tokens.push({ type, text, at });
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#sql)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  #skipSpace(): void {
    for (;;) {
      if (this.#match(SPACE) !== undefined) continue;
      if (this.#sql.startsWith('--', this.#at)) this.#skipLineComment();
      else if (this.#sql.startsWith('/*', this.#at)) this.#skipBlockComment();
      else return;
    }
  }

  #skipLineComment(): void {
    const end = this.#sql.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#sql.length : end + 1;
  }

  /** Block comments nest, as in PostgreSQL. */
  #skipBlockComment(): void {
    const start = this.#at;
    let depth = 0;
    do {
      if (this.#at >= this.#sql.length) throw invalidQuery(`Unterminated comment, started at position ${start}`);
      if (this.#sql.startsWith('/*', this.#at)) depth += 1;
      else if (this.#sql.startsWith('*/', this.#at)) depth -= 1;
      else {
        this.#at += 1;
        continue;
      }
      this.#at += 2;
    } while (depth > 0);
  }

  #identifier(): string {
    const at = this.#at;
    const name = this.#quoted('"');
    if (name === '') throw invalidQuery(`Empty identifier "" at position ${at}`);
    return name;
  }

  #quotedHex(): string {
    const at = this.#at;
    this.#at += 1;
    const digits = this.#quoted("'");
    if (!/^[0-9a-fA-F]*$/.test(digits)) throw invalidQuery(`X'…' at position ${at} holds more than hex digits`);
    return digits;
  }

  /** Reads from the opening quote to the closing one; a doubled quote stands for itself. */
  #quoted(quote: string): string {
    const start = this.#at;
    let text = '';
    let from = start + 1;
    for (;;) {
      const end = this.#sql.indexOf(quote, from);
      if (end < 0) throw invalidQuery(`Unterminated ${quote} quote, started at position ${start}`);
      text += this.#sql.slice(from, end);
      this.#at = end + 1;
      if (this.#sql.charAt(end + 1) !== quote) return text;
      text += quote;
      from = end + 2;
    }
  }
}
