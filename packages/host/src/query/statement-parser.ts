import { parseExpression, tryParseLiteral } from './expression-parser.ts';
import { tokenize } from './lexer.ts';
import { checkLength, parseSelectBody, refuseClauses } from './parser.ts';
import { invalidQuery, unsupportedQuery } from './query-error.ts';
import { describeToken, TokenStream } from './token-stream.ts';
import type { Constant, DeleteStatement, InsertStatement, SetStatement, Statement, UpdateStatement } from './syntax.ts';

/** Words that begin statements which are SQL and outside the subset. */
const UNSUPPORTED_STATEMENTS: ReadonlySet<string> = new Set([
  'CREATE',
  'DROP',
  'ALTER',
  'TRUNCATE',
  'MERGE',
  'WITH',
  'VALUES',
  'EXPLAIN',
  'BEGIN',
  'START',
  'COMMIT',
  'ROLLBACK',
  'GRANT',
  'REVOKE',
  'COPY',
  'CALL',
  'DECLARE',
  'REPLACE',
]);

/**
 * Parses statements of the wider SQL, with `;` between them. None is empty but what stands behind the last `;`.
 * @throws {QueryError} `query/invalid`, `query/unsupported`, `query/limit`
 */
export function parseStatements(sql: string): readonly Statement[] {
  checkLength(sql);
  const tokens = new TokenStream(tokenize(sql));
  const statements: Statement[] = [];
  do {
    if (tokens.peek().type === 'end' && statements.length > 0) break;
    if (tokens.peek().type === 'end' || tokens.isSymbol(';')) throw invalidQuery('Empty SQL query');
    statements.push(parseStatement(tokens));
  } while (tokens.takeSymbol(';'));
  if (tokens.peek().type !== 'end') throw tokens.unexpected('the end of the statement');
  return statements;
}

function parseStatement(tokens: TokenStream): Statement {
  if (tokens.takeWord('SELECT')) return parseSelectBody(tokens);
  if (tokens.takeWord('INSERT')) return parseInsert(tokens);
  if (tokens.takeWord('UPDATE')) return parseUpdate(tokens);
  if (tokens.takeWord('DELETE')) return parseDelete(tokens);
  if (tokens.takeWord('SET')) return parseSet(tokens);
  if (tokens.takeWord('SHOW')) return { type: 'show', variable: tokens.expectName('a variable') };
  const token = tokens.peek();
  if (token.type === 'word' && UNSUPPORTED_STATEMENTS.has(token.text.toUpperCase())) {
    throw unsupportedQuery(`Unsupported: ${token.text.toUpperCase()} …`);
  }
  throw tokens.unexpected('an SQL statement');
}

function parseInsert(tokens: TokenStream): InsertStatement {
  tokens.expectWord('INTO');
  const table = parseTarget(tokens);
  const columns = tokens.isSymbol('(') ? parseList(tokens, () => tokens.expectName('a column')) : undefined;
  if (!tokens.takeWord('VALUES')) {
    if (tokens.isWord('SELECT') || tokens.isWord('DEFAULT'))
      throw unsupportedQuery('Unsupported: INSERT takes VALUES only');
    throw tokens.unexpected('VALUES');
  }
  const rows: (readonly Constant[])[] = [];
  do rows.push(parseList(tokens, () => parseConstant(tokens)));
  while (tokens.takeSymbol(','));
  refuseTail(tokens);
  return { type: 'insert', table, columns, rows };
}

function parseUpdate(tokens: TokenStream): UpdateStatement {
  const table = parseTarget(tokens);
  tokens.expectWord('SET');
  const assignments: { readonly column: string; readonly value: Constant }[] = [];
  do {
    const column = tokens.expectName('a column');
    if (tokens.isSymbol('.')) throw unsupportedQuery('Unsupported: SET takes the plain names of columns');
    tokens.expectSymbol('=');
    assignments.push({ column, value: parseConstant(tokens) });
  } while (tokens.takeSymbol(','));
  if (tokens.isWord('FROM')) throw unsupportedQuery('Unsupported: UPDATE … FROM');
  const where = tokens.takeWord('WHERE') ? parseExpression(tokens) : undefined;
  refuseTail(tokens);
  return { type: 'update', table, assignments, where };
}

function parseDelete(tokens: TokenStream): DeleteStatement {
  tokens.expectWord('FROM');
  const table = parseTarget(tokens);
  if (tokens.isSymbol(',') || tokens.isWord('USING') || tokens.isWord('JOIN')) {
    throw unsupportedQuery('Unsupported: DELETE takes one table');
  }
  const where = tokens.takeWord('WHERE') ? parseExpression(tokens) : undefined;
  refuseTail(tokens);
  return { type: 'delete', table, where };
}

function parseSet(tokens: TokenStream): SetStatement {
  const variable = tokens.expectName('a variable');
  if (!tokens.takeSymbol('=') && !tokens.takeWord('TO')) throw tokens.unexpected('= or TO');
  return { type: 'set', variable, value: parseConstant(tokens) };
}

/** The table that a statement changes. It has no alias: conditions name it as it is named here. */
function parseTarget(tokens: TokenStream): string {
  const parts = tokens.expectDottedName('a table');
  if (tokens.isWord('AS')) throw unsupportedQuery('Unsupported: the table of a statement that writes has no alias');
  return parts.join('.');
}

function parseList<Item>(tokens: TokenStream, parseItem: () => Item): readonly Item[] {
  tokens.expectSymbol('(');
  const items: Item[] = [];
  if (tokens.takeSymbol(')')) return items;
  do items.push(parseItem());
  while (tokens.takeSymbol(','));
  tokens.expectSymbol(')');
  return items;
}

function parseConstant(tokens: TokenStream): Constant {
  const literal = tryParseLiteral(tokens);
  if (literal !== undefined) return literal;
  const token = tokens.peek();
  if (token.type === 'parameter' && token.text.toLowerCase() === 'sender') {
    tokens.next();
    return { type: 'sender' };
  }
  const text = token.type === 'end' ? 'the end' : describeToken(token);
  throw unsupportedQuery(`Unsupported literal expression: ${text}`);
}

/** Clauses that other databases know behind statements that write. */
function refuseTail(tokens: TokenStream): void {
  refuseClauses(tokens);
  for (const word of ['RETURNING', 'ON', 'LIMIT']) {
    if (tokens.isWord(word)) throw unsupportedQuery(`Unsupported: ${word}`);
  }
}
