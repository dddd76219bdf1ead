import { assert } from '../assert.ts';
import { queryOverLimit, unsupportedQuery } from './query-error.ts';
import { describeToken } from './token-stream.ts';
import type { TokenStream } from './token-stream.ts';
import type { Token } from './lexer.ts';
import type { ColumnName, CompareOperator, Expression, Literal } from './syntax.ts';

/** How deep AND, OR and NOT may stand inside each other; chains of one operator count as one level. */
export const EXPRESSION_DEPTH_MAX = 1_600;

type Operator = CompareOperator | 'and' | 'or' | 'not' | '(';

/** An expression under construction, `depth` levels deep. `chain` holds the terms of an AND or OR and may still grow. */
interface Operand {
  readonly expression: Expression;
  readonly depth: number;
  readonly chain?: Chain | undefined;
}

interface Chain {
  readonly type: 'and' | 'or';
  readonly terms: Expression[];
}

const PRECEDENCE: Readonly<Record<Exclude<Operator, '('>, number>> = {
  or: 1,
  and: 2,
  not: 3,
  '=': 4,
  '<>': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
};

const COMPARE_SYMBOLS: ReadonlyMap<string, CompareOperator> = new Map([
  ['=', '='],
  ['<>', '<>'],
  ['!=', '<>'],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
]);

const UNSUPPORTED_SYMBOLS: ReadonlySet<string> = new Set([
  '+',
  '-',
  '*',
  '/',
  '%',
  '||',
  '::',
  '->',
  '==',
  '<@',
  '@>',
  '[',
  '^',
  '&',
  '|',
  '#',
  '~',
  '!',
  '@',
]);
const UNSUPPORTED_OPERATOR_WORDS: ReadonlySet<string> = new Set([
  'IN',
  'LIKE',
  'ILIKE',
  'SIMILAR',
  'BETWEEN',
  'IS',
  'NOT',
  'ISNULL',
  'NOTNULL',
  'COLLATE',
  'AT',
  'XOR',
  'DIV',
  'MOD',
  'REGEXP',
  'RLIKE',
  'OVERLAPS',
]);
const UNSUPPORTED_OPERAND_WORDS: ReadonlySet<string> = new Set([
  'CASE',
  'CAST',
  'EXISTS',
  'EXTRACT',
  'POSITION',
  'SUBSTRING',
  'TRIM',
  'ARRAY',
  'ANY',
  'ALL',
]);

/**
 * Parses the expression that starts here and stops at the first token that cannot belong to it.
 * Works with a stack of its own, so that no nesting in the text can exhaust the call stack.
 * @throws {QueryError} `query/invalid`, `query/unsupported`, `query/limit`
 */
export function parseExpression(tokens: TokenStream): Expression {
  return new ExpressionParser(tokens).run();
}

class ExpressionParser {
  readonly #tokens: TokenStream;
  readonly #operands: Operand[] = [];
  readonly #operators: Operator[] = [];
  #openParentheses = 0;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  run(): Expression {
    do this.#prefixedOperand();
    while (this.#infix());
    if (this.#openParentheses > 0) throw this.#tokens.unexpected(')');
    while (this.#operators.length > 0) this.#reduce();
    const [result] = this.#operands;
    assert(result !== undefined && this.#operands.length === 1, 'an expression reduces to one operand');
    return result.expression;
  }

  /** Any number of `(` and NOT, then a literal, `:sender` or a column. */
  #prefixedOperand(): void {
    for (;;) {
      if (this.#tokens.isWord('NOT')) this.#operators.push('not');
      else if (this.#tokens.isSymbol('(')) {
        if (this.#tokens.isWord('SELECT', 1)) throw unsupportedQuery('Unsupported expression: (SELECT …)');
        this.#operators.push('(');
        this.#openParentheses += 1;
      } else break;
      this.#tokens.next();
    }
    this.#operands.push({ expression: parseOperand(this.#tokens), depth: 1 });
  }

  /** Takes closing parentheses and the operator behind them; false when the expression ends here. */
  #infix(): boolean {
    while (this.#openParentheses > 0 && this.#tokens.takeSymbol(')')) this.#closeParenthesis();
    const operator = infixOperator(this.#tokens);
    if (operator === undefined) return false;
    this.#tokens.next();
    while (this.#bindsFirst(operator)) this.#reduce();
    this.#operators.push(operator);
    return true;
  }

  #bindsFirst(operator: Exclude<Operator, '('>): boolean {
    const top = this.#operators.at(-1);
    return top !== undefined && top !== '(' && PRECEDENCE[top] >= PRECEDENCE[operator];
  }

  #closeParenthesis(): void {
    while (this.#operators.at(-1) !== '(') this.#reduce();
    this.#operators.pop();
    this.#openParentheses -= 1;
  }

  #reduce(): void {
    const operator = this.#operators.pop();
    const right = this.#operands.pop();
    assert(operator !== undefined && operator !== '(' && right !== undefined, 'there is an operator to reduce');
    if (operator === 'not') {
      this.#pushOperand({ expression: { type: 'not', term: right.expression }, depth: right.depth + 1 });
      return;
    }
    const left = this.#operands.pop();
    assert(left !== undefined, 'an infix operator has two operands');
    if (operator === 'and' || operator === 'or') {
      this.#pushOperand(chainOf(operator, left, right));
      return;
    }
    const expression = { type: 'compare', operator, left: left.expression, right: right.expression } as const;
    this.#pushOperand({ expression, depth: Math.max(left.depth, right.depth) + 1 });
  }

  #pushOperand(operand: Operand): void {
    if (operand.depth > EXPRESSION_DEPTH_MAX) {
      throw queryOverLimit(`Recursion limit exceeded, expressions may be ${EXPRESSION_DEPTH_MAX} levels deep`, {
        depthMax: EXPRESSION_DEPTH_MAX,
      });
    }
    this.#operands.push(operand);
  }
}

/**
 * `a AND b AND c` becomes one node with three terms, whatever its parentheses. The shorter side is added to the longer
 * one, which keeps long texts from costing the square of their length; the order of the terms does not matter.
 */
function chainOf(type: 'and' | 'or', left: Operand, right: Operand): Operand {
  const [leftTerms, leftDepth] = termsOf(type, left);
  const [rightTerms, rightDepth] = termsOf(type, right);
  const [terms, added] = leftTerms.length >= rightTerms.length ? [leftTerms, rightTerms] : [rightTerms, leftTerms];
  for (const term of added) terms.push(term);
  return { expression: { type, terms }, depth: Math.max(leftDepth, rightDepth) + 1, chain: { type, terms } };
}

/** The terms an operand brings into a chain, and the depth of the deepest. */
function termsOf(type: 'and' | 'or', operand: Operand): readonly [Expression[], number] {
  if (operand.chain?.type === type) return [operand.chain.terms, operand.depth - 1];
  return [[operand.expression], operand.depth];
}

/** The operator that stands here; undefined when none does. Operators outside the subset are refused by name. */
function infixOperator(tokens: TokenStream): Exclude<Operator, '(' | 'not'> | undefined {
  const token = tokens.peek();
  if (token.type === 'symbol') {
    if (UNSUPPORTED_SYMBOLS.has(token.text)) throw unsupportedQuery(`Unsupported binary operator: ${token.text}`);
    return COMPARE_SYMBOLS.get(token.text);
  }
  if (token.type !== 'word') return undefined;
  const word = token.text.toUpperCase();
  if (word === 'AND') return 'and';
  if (word === 'OR') return 'or';
  if (UNSUPPORTED_OPERATOR_WORDS.has(word)) throw unsupportedQuery(`Unsupported expression: … ${word} …`);
  return undefined;
}

function parseOperand(tokens: TokenStream): Expression {
  const token = tokens.peek();
  if (token.type === 'word') return parseWord(tokens, token);
  if (token.type === 'quoted') return { type: 'column', column: parseColumnName(tokens) };
  const literal = tryParseLiteral(tokens);
  if (literal !== undefined) return literal;
  if (token.type === 'parameter') {
    if (token.text.toLowerCase() !== 'sender') {
      throw unsupportedQuery(`Unsupported expression: :${token.text}; the only parameter is :sender`);
    }
    tokens.next();
    return { type: 'sender' };
  }
  throw tokens.unexpected('an expression');
}

/** A literal, signed numbers and TRUE and FALSE included; undefined when something else stands here. */
export function tryParseLiteral(tokens: TokenStream): Literal | undefined {
  const token = tokens.peek();
  if (token.type === 'number' || token.type === 'string' || token.type === 'hex') {
    tokens.next();
    return { type: token.type, text: token.text };
  }
  if ((tokens.isSymbol('-') || tokens.isSymbol('+')) && tokens.peek(1).type === 'number') {
    const sign = tokens.next().text;
    return { type: 'number', text: sign + tokens.next().text };
  }
  if (tokens.takeWord('TRUE')) return { type: 'boolean', value: true };
  if (tokens.takeWord('FALSE')) return { type: 'boolean', value: false };
  return undefined;
}

function parseWord(tokens: TokenStream, token: Token): Expression {
  const follower = tokens.peek(1);
  const isQualified = tokens.isSymbol('.', 1);
  const word = token.text.toUpperCase();
  if (!isQualified) {
    const literal = tryParseLiteral(tokens);
    if (literal !== undefined) return literal;
    if (word === 'NULL') throw unsupportedQuery('Unsupported literal expression: NULL');
    if (tokens.isSymbol('(', 1) || UNSUPPORTED_OPERAND_WORDS.has(word)) {
      throw unsupportedQuery(`Unsupported expression: ${describeToken(token)}(…)`);
    }
    if (follower.type === 'string') {
      throw unsupportedQuery(`Unsupported literal expression: ${describeToken(token)} ${describeToken(follower)}`);
    }
  }
  return { type: 'column', column: parseColumnName(tokens) };
}

/** `name`, `table.name` or `namespace.table.name`, with as many namespaces as there are. */
export function parseColumnName(tokens: TokenStream): ColumnName {
  const parts = [...tokens.expectDottedName('a column')];
  const name = parts.pop();
  assert(name !== undefined, 'a name has at least one part');
  return { table: parts.length === 0 ? undefined : parts.join('.'), name };
}
