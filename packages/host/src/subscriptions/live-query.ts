import type { Visibility } from '../query/catalog.ts';
import type { RowsQuery, SubscriptionQuery } from '../query/compile.ts';
import type { TableDef } from '../schema/module-def.ts';

/** A client, known by object identity only; one per connection. */
export type ClientKey = object;

/** What can be told of a query that somebody subscribes to. */
export interface LiveQueryFacts extends Pick<SubscriptionQuery, 'plan' | 'incremental'> {
  readonly text: string;
  readonly subscribers: { readonly size: number };
}

/** What can be told of a query set. */
export interface QuerySetFacts {
  readonly querySetId: number;
  readonly queries: Iterable<{ readonly text: string }>;
}

/** A query that somebody subscribes to. */
export interface LiveQuery extends SubscriptionQuery {
  readonly key: string;
  readonly text: string;
  readonly subscribers: Set<QuerySet>;
}

/** What a client subscribed to at once. */
export interface QuerySet {
  readonly client: ClientKey;
  readonly querySetId: number;
  readonly queries: ReadonlySet<LiveQuery>;
}

/** The key of a query that depends on who asks. No space can stand before a text that was trimmed, so this is no other query's key. */
export function senderKey(text: string, { identity }: Visibility): string {
  return ` ${identity.toString(16)} ${text}`;
}

/** The key of a query in which everybody but the owner sees the same. No identity is spelled like this. */
export function othersKey(text: string): string {
  return ` others ${text}`;
}

/** A compiled query that nobody subscribes to yet, under the key of all who see the same in it. */
export function makeLiveQuery(query: SubscriptionQuery, text: string, visibility: Visibility): LiveQuery {
  const sharedKey = query.isForOthersOnly ? othersKey(text) : text;
  const key = query.usesSender ? senderKey(text, visibility) : sharedKey;
  return { ...query, key, text, subscribers: new Set() };
}

/** The tables, and views, that a query reads. */
export function tablesOf({ plan }: RowsQuery): readonly TableDef[] {
  return plan.relations.map(({ relation }) => relation.table);
}
