import { invalidQuery, queryOverLimit, unsupportedQuery } from './query-error.ts';
import { parseColumnName, parseExpression, tryParseLiteral } from './expression-parser.ts';
import { tokenize } from './lexer.ts';
import { describeToken, TokenStream } from './token-stream.ts';
import type { FromItem, JoinCondition, ProjectedColumn, Projection, SelectStatement } from './syntax.ts';

/** The longest SQL text, in bytes of UTF-8. */
export const SQL_BYTES_MAX = 50_000;

/** Words that end a table in FROM and so are no alias unless quoted or behind AS. */
const CLAUSE_WORDS: ReadonlySet<string> = new Set([
  'AS',
  'WHERE',
  'JOIN',
  'INNER',
  'LEFT',
  'RIGHT',
  'FULL',
  'CROSS',
  'NATURAL',
  'OUTER',
  'ON',
  'USING',
  'ORDER',
  'GROUP',
  'HAVING',
  'LIMIT',
  'OFFSET',
  'FETCH',
  'FOR',
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'WINDOW',
  'TABLESAMPLE',
  'LATERAL',
  'AND',
  'OR',
  'NOT',
  'SET',
  'VALUES',
]);
const UNSUPPORTED_CLAUSES: ReadonlySet<string> = new Set([
  'ORDER',
  'GROUP',
  'HAVING',
  'OFFSET',
  'FETCH',
  'FOR',
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'WINDOW',
]);
const OUTER_JOIN_WORDS: ReadonlySet<string> = new Set(['LEFT', 'RIGHT', 'FULL', 'OUTER', 'NATURAL']);

/**
 * Parses one SELECT of the wider SQL, of which subscriptions take a part. Surrounding space and one trailing `;` are
 * fine. @throws {QueryError} `query/invalid`, `query/unsupported`, `query/limit`
 */
export function parseSelect(sql: string): SelectStatement {
  checkLength(sql);
  const tokens = new TokenStream(tokenize(sql));
  if (tokens.peek().type === 'end' || tokens.isSymbol(';')) throw invalidQuery('Empty SQL query');
  if (!tokens.takeWord('SELECT')) throw unsupportedQuery('Unsupported: Non-SELECT queries');
  const statement = parseSelectBody(tokens);
  if (tokens.takeSymbol(';') && tokens.peek().type !== 'end') {
    throw unsupportedQuery('Multiple SQL statements are not supported');
  }
  if (tokens.peek().type !== 'end') throw tokens.unexpected('the end of the statement');
  return statement;
}

/** @throws {QueryError} `query/limit` when the text is longer than `SQL_BYTES_MAX`. */
export function checkLength(sql: string): void {
  if (sql.length * 3 <= SQL_BYTES_MAX) return;
  if (sql.length <= SQL_BYTES_MAX && new TextEncoder().encode(sql).length <= SQL_BYTES_MAX) return;
  throw queryOverLimit(`SQL query exceeds maximum allowed length: "${sql.slice(0, 120)}..."`, {
    bytesMax: SQL_BYTES_MAX,
  });
}

/** Parses what stands behind SELECT, and stops at the first token that cannot belong to it. @throws {QueryError} */
export function parseSelectBody(tokens: TokenStream): SelectStatement {
  if (tokens.isWord('DISTINCT')) throw unsupportedQuery('Unsupported SELECT: DISTINCT');
  const projection = parseProjection(tokens);
  if (!tokens.takeWord('FROM')) {
    if (tokens.peek().type === 'end' || tokens.isSymbol(';')) throw invalidQuery('A FROM clause is required');
    throw tokens.unexpected('FROM');
  }
  const from = parseFrom(tokens);
  const where = tokens.takeWord('WHERE') ? parseExpression(tokens) : undefined;
  refuseClauses(tokens);
  const limit = tokens.takeWord('LIMIT') ? parseLimit(tokens) : undefined;
  refuseClauses(tokens);
  return { type: 'select', projection, from, where, limit };
}

/** @throws {QueryError} `query/unsupported` when a clause outside the subset begins here. */
export function refuseClauses(tokens: TokenStream): void {
  const token = tokens.peek();
  if (token.type !== 'word') return;
  const word = token.text.toUpperCase();
  if (UNSUPPORTED_CLAUSES.has(word)) throw unsupportedQuery(`Unsupported: ${word}`);
}

function parseLimit(tokens: TokenStream): string {
  const token = tokens.peek();
  if (token.type !== 'number' || !/^\d+$/.test(token.text)) {
    throw unsupportedQuery(`Unsupported: LIMIT ${describeToken(token)}; it takes a non-negative integer`);
  }
  tokens.next();
  return token.text;
}

function parseProjection(tokens: TokenStream): Projection {
  const items: (Projection | ProjectedColumn)[] = [];
  do items.push(parseProjectionItem(tokens));
  while (tokens.takeSymbol(','));
  const [first] = items;
  if (items.length === 1 && first !== undefined && 'type' in first) return first;
  const columns = items.map((item) => {
    if (!('type' in item)) return item;
    if (item.type === 'count') throw unsupportedQuery('Unsupported projection: COUNT(*) beside other columns');
    throw unsupportedQuery('Mixed wildcard projections are not supported');
  });
  return { type: 'columns', columns };
}

function parseProjectionItem(tokens: TokenStream): Projection | ProjectedColumn {
  const token = tokens.peek();
  if (tokens.takeSymbol('*')) return { type: 'star' };
  if (tokens.isWord('COUNT') && tokens.isSymbol('(', 1)) return parseCount(tokens);
  const isName = token.type === 'quoted' || (token.type === 'word' && !tokens.isSymbol('(', 1));
  if (!isName || isBareLiteral(tokens)) throw unsupportedQuery(`Unsupported projection: ${describeToken(token)}`);
  const table = tryParseTableStar(tokens);
  if (table !== undefined) return { type: 'table-star', table };
  const column = parseColumnName(tokens);
  return { column, name: tryParseAlias(tokens) ?? column.name };
}

function isBareLiteral(tokens: TokenStream): boolean {
  return !tokens.isSymbol('.', 1) && (tokens.isWord('NULL') || tokens.isWord('TRUE') || tokens.isWord('FALSE'));
}

/** `t.*` or `namespace.t.*`; takes nothing when something else stands here. */
function tryParseTableStar(tokens: TokenStream): string | undefined {
  let parts = 1;
  while (tokens.isSymbol('.', parts * 2 - 1) && !tokens.isSymbol('*', parts * 2)) parts += 1;
  if (!tokens.isSymbol('.', parts * 2 - 1)) return undefined;
  const names = [tokens.expectName('a table')];
  while (tokens.takeSymbol('.') && !tokens.takeSymbol('*')) names.push(tokens.expectName('a table'));
  return names.join('.');
}

function parseCount(tokens: TokenStream): Projection {
  tokens.next();
  tokens.expectSymbol('(');
  if (!tokens.takeSymbol('*')) throw unsupportedQuery('Unsupported projection: COUNT counts rows only, as COUNT(*)');
  tokens.expectSymbol(')');
  const name = tryParseAlias(tokens);
  if (name === undefined) throw unsupportedQuery('Aggregate expressions must have column aliases');
  return { type: 'count', name };
}

/** `AS name`, or a bare name that is no keyword of a clause. */
function tryParseAlias(tokens: TokenStream): string | undefined {
  if (tokens.takeWord('AS')) return tokens.expectName('an alias');
  const token = tokens.peek();
  if (token.type === 'quoted') return tokens.next().text;
  if (token.type !== 'word') return undefined;
  const word = token.text.toUpperCase();
  return word === 'FROM' || CLAUSE_WORDS.has(word) ? undefined : tokens.next().text;
}

function parseFrom(tokens: TokenStream): readonly FromItem[] {
  const items: FromItem[] = [parseTable(tokens)];
  for (;;) {
    if (tokens.isSymbol(',')) throw unsupportedQuery('Implicit joins are not supported');
    const token = tokens.peek();
    if (token.type === 'word' && OUTER_JOIN_WORDS.has(token.text.toUpperCase())) {
      throw unsupportedQuery('Non-inner joins are not supported');
    }
    if (tokens.takeWord('CROSS')) {
      tokens.expectWord('JOIN');
      items.push(parseTable(tokens));
      continue;
    }
    if (tokens.takeWord('INNER')) tokens.expectWord('JOIN');
    else if (!tokens.takeWord('JOIN')) return items;
    items.push({ ...parseTable(tokens), on: tryParseOn(tokens) });
  }
}

function parseTable(tokens: TokenStream): FromItem {
  if (tokens.isSymbol('(')) throw unsupportedQuery('Unsupported FROM expression: (…)');
  const table = tokens.expectDottedName('a table').join('.');
  if (tokens.isSymbol('(')) throw unsupportedQuery(`Unsupported FROM expression: ${table}`);
  return { table, alias: tryParseAlias(tokens) ?? table };
}

function tryParseOn(tokens: TokenStream): JoinCondition | undefined {
  if (tokens.isWord('USING')) throw unsupportedQuery('Unsupported: JOIN … USING');
  if (!tokens.takeWord('ON')) return undefined;
  let parentheses = 0;
  while (tokens.takeSymbol('(')) parentheses += 1;
  const left = parseJoinColumn(tokens);
  if (!tokens.isSymbol('=')) throw unsupportedJoin();
  tokens.next();
  const right = parseJoinColumn(tokens);
  for (; parentheses > 0; parentheses -= 1) tokens.expectSymbol(')');
  if (tokens.isWord('AND') || tokens.isWord('OR')) throw unsupportedJoin();
  return { left, right };
}

function parseJoinColumn(tokens: TokenStream): JoinCondition['left'] {
  if (tryParseLiteral(tokens) !== undefined || tokens.peek().type === 'parameter') throw unsupportedJoin();
  return parseColumnName(tokens);
}

function unsupportedJoin(): Error {
  return unsupportedQuery('Unsupported: JOIN … ON takes one column = column; further conditions belong in WHERE');
}
