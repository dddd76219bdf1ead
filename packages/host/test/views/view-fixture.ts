import { compileRowCodec } from '../../src/bsatn/row-codec.ts';
import type { AlgebraicValue } from '../../src/bsatn/algebraic-type.ts';
import type { Caller } from '../../src/database/calls.ts';
import type { QuerySetUpdate, TableRows } from '../../src/subscriptions/shared-results.ts';
import {
  SubscriptionManager,
  type SubscribeResult,
  type SubscriptionManagerOptions,
} from '../../src/subscriptions/subscription-manager.ts';
import type { ModuleDatabase } from '../module-database.ts';
import { OWNER } from '../module-database.ts';

type Rows = readonly (readonly AlgebraicValue[])[];

/** One client's cache, kept as strictly as any client keeps it: rows with their counts, by query set. */
export class ViewClient {
  readonly #world: ViewWorld;
  readonly #identity: bigint;
  readonly #rows = new Map<string, Map<string, number>>();
  /** Messages that came, as `table +n -n`. */
  readonly messages: string[] = [];
  failure: string | undefined;

  constructor(world: ViewWorld, identity: bigint) {
    this.#world = world;
    this.#identity = identity;
  }

  subscribe(querySetId: number, ...queries: string[]): SubscribeResult {
    const visibility = { identity: this.#identity, isOwner: this.#identity === OWNER };
    const result = this.#world.manager.subscribe(this, { querySetId, queries, visibility });
    if (result.type === 'applied') for (const table of result.tables) this.#insert(table);
    return result;
  }

  /** The message of a subscription that is refused. */
  refusal(...queries: string[]): string | undefined {
    const result = this.subscribe(1_000, ...queries);
    return result.type === 'error' ? result.message : undefined;
  }

  unsubscribe(querySetId: number): void {
    this.#world.manager.unsubscribe(this, querySetId, { sendRows: false });
  }

  ask(sql: string): Rows | string {
    const visibility = { identity: this.#identity, isOwner: this.#identity === OWNER };
    const result = this.#world.manager.oneOffQuery(sql, visibility);
    if (result.type === 'error') return result.message;
    return this.#world.decode(result.table);
  }

  /** What the client holds of a table; each row as often as it came. */
  rows(table: string): readonly string[] {
    return [...(this.#rows.get(table) ?? [])].flatMap(([row, count]) => Array<string>(count).fill(row)).sort();
  }

  take(updates: readonly QuerySetUpdate[]): void {
    const parts: string[] = [];
    for (const { tables } of updates) {
      for (const { tableName, updates: ofTable } of tables) {
        for (const { inserts, deletes } of ofTable) {
          this.#insert({ tableName, rows: inserts });
          for (const row of this.#world.decode({ tableName, rows: deletes })) this.#delete(tableName, text(row));
          parts.push(`${tableName} +${inserts.rows.length} -${deletes.rows.length}`);
        }
      }
    }
    this.messages.push(parts.join(', '));
  }

  #insert(table: TableRows): void {
    const rows = this.#rows.get(table.tableName) ?? new Map<string, number>();
    this.#rows.set(table.tableName, rows);
    for (const row of this.#world.decode(table)) rows.set(text(row), (rows.get(text(row)) ?? 0) + 1);
  }

  #delete(table: string, row: string): void {
    const rows = this.#rows.get(table);
    const count = rows?.get(row) ?? 0;
    if (rows === undefined || count === 0) throw new Error(`${table}: ${row} is deleted and not there`);
    if (count === 1) rows.delete(row);
    else rows.set(row, count - 1);
  }
}

/** A module's database with its subscriptions, and what tests look at. */
export class ViewWorld {
  readonly db: ModuleDatabase;
  readonly manager: SubscriptionManager;
  readonly #clients = new Map<object, ViewClient>();

  constructor(db: ModuleDatabase, options: Pick<SubscriptionManagerOptions, 'strictCompat'> = {}) {
    this.db = db;
    const { database } = db;
    this.manager = new SubscriptionManager({
      tables: database.tables,
      state: database.committed,
      views: database.views,
      ...options,
    });
    database.onCommit(({ deltas }) => {
      for (const [client, updates] of this.manager.evaluate(deltas)) this.#clients.get(client)?.take(updates);
      for (const [client, message] of this.manager.takeFailedClients()) {
        const failed = this.#clients.get(client);
        if (failed !== undefined) failed.failure = message;
      }
    });
  }

  client({ identity }: Pick<Caller, 'identity'>): ViewClient {
    const client = new ViewClient(this, identity);
    this.#clients.set(client, client);
    return client;
  }

  /** Which views were evaluated since the last call, in order. */
  evaluated(): string[] {
    const found = this.db.logs.filter(({ message }) => message === 'evaluated');
    const fresh = found.slice(this.#seen);
    this.#seen = found.length;
    return fresh.map(({ functionName }) => functionName ?? '?');
  }

  decode({ tableName, rows }: TableRows): Rows {
    const { tables, views } = this.db.database.def;
    const { columns } = [...tables, ...views].find(({ name }) => name === tableName)!;
    const codec = compileRowCodec(columns);
    return rows.rows.map((row) => codec.decode(row));
  }

  #seen = 0;
}

/** A row as text: products of one field as the field. */
export function text(row: readonly AlgebraicValue[]): string {
  return row.map(show).join(' ');
}

function show(value: AlgebraicValue): string {
  return Array.isArray(value) ? value.map((part) => show(part as AlgebraicValue)).join(' ') : String(value);
}
