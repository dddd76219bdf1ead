import fc from 'fast-check';
import { HostError } from '../../../src/errors.ts';
import { call, oneOff, subscribe, unsubscribe } from '../../session-fixtures/test-client.ts';
import { strings } from '../../conformance/encoding.ts';
import { ConformanceHost, fixture } from '../../conformance/forms.ts';
import type { ProtocolClient } from '../../conformance/protocol-client.ts';
import { readCorpus } from './corpus.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { spoiled } from './spoil.ts';

const WORDS = (
  'SELECT * FROM WHERE AND OR NOT JOIN INNER ON AS ( ) . , ; = <> != < <= > >= TRUE FALSE NULL LIMIT COUNT(*) :sender ' +
  'INSERT INTO VALUES UPDATE SET DELETE SHOW row_limit member team badge loose_link looseLink bell every wide secret m t b ' +
  'id nick_name nickName team_id teamId grade title member_id word ok i8 u64 i128 u256 f32 f64 text bytes who at uuid took maybe ' +
  `"member" "id" 'x' '' 'it''s' 0 1 2 7 -1 255 1e3 1e-3 1e999 .5 0x 0xAB 0x${'f'.repeat(64)} '2025-02-10T15:45:30Z' ` +
  `IN LIKE BETWEEN IS ORDER BY UNION DISTINCT -- /* */ $1 ? :: é \u{10000} \u0000 ' "`
).split(' ');

/** Tokens as a person would see them; what is between them is one space. */
const tokensOf = (sql: string): readonly string[] => sql.match(/"[^"]*"|'[^']*'|[\w]+|<=|>=|<>|!=|[^\s\w]/g) ?? [];

/** Changes of the tables, to see whether what was subscribed to follows them. */
const STEPS = ['member 1 ada 1', '*member 1 eve 2', '-member 1', 'member 2 bob 1', '*member 2 bob 2', '-member 2']
  .concat(['team 1 red', '*team 1 x', '-team 1', 'team 2 red', '-team 2', 'badge 1 1', 'badge 1 2', '-badge 1 1'])
  .concat(['badge 2 1', '-badge 2 1', 'link 1 x', 'link 2 x', '-link 1 x', '-link 2 x']);

interface Input {
  readonly sql: string;
  readonly steps: readonly string[];
}

/**
 * SQL of strangers against a database with data. Whatever it is: the connection stays and it is answered or refused in
 * the words of a query; what can be subscribed to gives the rows that asking once gives, before and after a write; and
 * when it is unsubscribed from, nothing is left over.
 */
export class SqlTarget implements FuzzTarget<Input> {
  readonly name = 'sql';
  readonly inputs: fc.Arbitrary<Input>;
  readonly #host: ConformanceHost;
  #client: ProtocolClient | undefined;
  #requests = 0;
  /** How many inputs were answered. */
  answered = 0;

  private constructor(host: ConformanceHost) {
    this.#host = host;
    const sound = fc.constantFrom(...readCorpus('sql')).map(tokensOf);
    const word = fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom(...WORDS) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) },
    );
    this.inputs = fc.record({
      sql: spoiled(sound, word, 2).map((tokens) => tokens.join(' ')),
      steps: fc.array(fc.constantFrom(...STEPS), { maxLength: 4 }),
    });
  }

  static async open(): Promise<SqlTarget> {
    return new SqlTarget(await ConformanceHost.open('memory', { module: fixture('conf-rooms.ts') }));
  }

  write({ sql, steps }: Input): string {
    return JSON.stringify([sql, ...steps]);
  }

  /** A line of the corpus is SQL alone. */
  read(line: string): Input {
    if (!line.startsWith('["')) return { sql: line, steps: STEPS };
    const [sql = '', ...steps] = JSON.parse(line) as string[];
    return { sql, steps };
  }

  async run({ sql, steps }: Input): Promise<void> {
    const client = (this.#client ??= await this.#host.dial({ as: 'guest' }));
    await this.#runStatements(sql);
    const once = await this.#ask(client, sql);
    const id = (this.#requests += 1);
    const answer = await client.ask(subscribe(id, id, sql));
    if (answer.type === 'subscription-error') return assertText(answer.message);
    if (answer.type !== 'subscribed') throw new Error(`subscribing was answered by ${answer.type}`);
    if (once === undefined) throw new Error('what can be subscribed to cannot be asked');
    this.answered += 1;
    const isOfAll = once === 'all tables';
    if (!isOfAll) assertSame(this.#held(client), once, 'the snapshot');
    for (const step of steps) await client.ask(call('reducer', id, 'steps', strings([step])));
    if (!isOfAll) assertSame(this.#held(client), await this.#ask(client, sql), 'what is held after writes');
    await client.ask(unsubscribe(id, id, true));
    const left = this.#held(client);
    if (left.length > 0) throw new Error(`${left.length} rows are left after unsubscribing`);
  }

  async close(): Promise<void> {
    const bugs = this.#host.logs.filter((line) => line.startsWith('panic: ') && line.includes('bug in'));
    await this.#host.close();
    if (bugs.length > 0) throw new Error(`the host reported bugs of its own: ${bugs.join('\n')}`);
  }

  /** The rows of a query, in hex; undefined when it is refused. */
  async #ask(client: ProtocolClient, sql: string): Promise<readonly string[] | 'all tables' | undefined> {
    if (/^\s*SELECT\s+\*\s+FROM\s+\*/i.test(sql)) return 'all tables';
    const answer = await client.ask(oneOff((this.#requests += 1), sql));
    if (answer.type !== 'one-off') throw new Error(`a question was answered by ${answer.type}`);
    if (answer.error !== undefined) return assertText(answer.error);
    const [table] = answer.tables ?? [];
    if (table === undefined || answer.tables?.length !== 1) throw new Error('a question is answered by one table');
    // The rows of an event are told when they happen, and are never there to be asked for.
    return table.rows.map((row) => `${table.table} ${row}`).sort();
  }

  #held(client: ProtocolClient): string[] {
    const tables = ['member', 'team', 'badge', 'loose_link', 'every', 'wide', 'secret', 'result', 'st_client'];
    return tables.flatMap((table) => client.held(table).map((row) => `${table} ${row}`)).sort();
  }

  /** The wider grammar, as the owner, who may write. */
  async #runStatements(sql: string): Promise<void> {
    try {
      await this.#host.sql(sql);
    } catch (error) {
      if (!(error instanceof HostError)) throw new Error('a statement failed as none may', { cause: error });
      assertText(error.message);
    }
  }
}

function assertText(message: string): undefined {
  if (message.trim() === '' || message.length > 60_000)
    throw new Error(`refused without a word, or too many: ${message.length}`);
  return undefined;
}

function assertSame(held: readonly string[], asked: readonly string[] | 'all tables' | undefined, what: string): void {
  if (JSON.stringify(held) !== JSON.stringify(asked)) {
    throw new Error(`${what} is not what asking gives:\n${held.join('\n')}\n-- asked --\n${String(asked)}`);
  }
}
