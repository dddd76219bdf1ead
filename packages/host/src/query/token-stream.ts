import { invalidQuery, shortenText } from './query-error.ts';
import type { QueryError } from './query-error.ts';
import type { Token } from './lexer.ts';

/** A column of a table of a submodule, as deep as submodules may be. */
const NAME_PARTS_MAX = 18;

/** The tokens of one statement, read from left to right. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #position = 0;

  /** @param tokens end in the `end` token */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#end = tokens.at(-1) ?? { type: 'end', text: '', at: 0 };
  }

  peek(ahead = 0): Token {
    return this.#tokens[this.#position + ahead] ?? this.#end;
  }

  next(): Token {
    const token = this.peek();
    this.#position += 1;
    return token;
  }

  /** True when the token is this keyword, in any case. */
  isWord(keyword: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.type === 'word' && token.text.toUpperCase() === keyword;
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.type === 'symbol' && token.text === symbol;
  }

  takeWord(keyword: string): boolean {
    const found = this.isWord(keyword);
    if (found) this.#position += 1;
    return found;
  }

  takeSymbol(symbol: string): boolean {
    const found = this.isSymbol(symbol);
    if (found) this.#position += 1;
    return found;
  }

  expectWord(keyword: string): void {
    if (!this.takeWord(keyword)) throw this.unexpected(keyword);
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected(symbol);
  }

  /** One part of a name: any word, keywords too, or a quoted identifier. */
  expectName(what: string): string {
    const token = this.peek();
    if (token.type !== 'word' && token.type !== 'quoted') throw this.unexpected(what);
    this.#position += 1;
    return token.text;
  }

  /** The parts of a name with dots between them; at least one. */
  expectDottedName(what: string): readonly string[] {
    const parts = [this.expectName(what)];
    while (this.takeSymbol('.')) parts.push(this.expectName(what));
    if (parts.length <= NAME_PARTS_MAX) return parts;
    throw invalidQuery(`\`${shortenText(parts.join('.'), 100)}\` has more parts than the name of ${what} has`);
  }

  /** The error for the token that stands here instead of what should. */
  unexpected(expected: string): QueryError {
    const token = this.peek();
    const found = token.type === 'end' ? 'the end' : describeToken(token);
    return invalidQuery(`sql parser error: Expected ${expected}, found ${found} at position ${token.at}`);
  }
}

/** A token as a reader would recognise it, cut to a bearable length. */
export function describeToken(token: Token): string {
  const text = shortenText(token.text, 40);
  if (token.type === 'string') return `'${text}'`;
  if (token.type === 'hex') return `0x${text}`;
  if (token.type === 'parameter') return `:${text}`;
  if (token.type === 'quoted') return `"${text}"`;
  return text;
}
