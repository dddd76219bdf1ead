import { expectTypeOf } from 'vitest';
import { EntityGraph } from '../entity-graph.ts';
import type { EntityOf } from '../entity.ts';
import { connectedComponents } from './connected-components.ts';
import { pageRank } from './page-rank.ts';
import { topologicalOrder } from './topological-order.ts';

interface Schema {
  readonly entities: { readonly person: { readonly age: number } };
  readonly relations: { readonly knows: { readonly since: number } };
}

const graph = new EntityGraph<Schema>();
expectTypeOf(connectedComponents(graph)).toEqualTypeOf<readonly (readonly EntityOf<Schema>[])[]>();
expectTypeOf(topologicalOrder(graph, { relationType: 'knows' })).toEqualTypeOf<readonly EntityOf<Schema>[]>();
expectTypeOf(pageRank(graph.asOf(0), { weight: ({ properties }) => properties.since }).ranking[0]).toEqualTypeOf<
  { readonly entity: EntityOf<Schema>; readonly score: number } | undefined
>();
// @ts-expect-error there is no such relation type
connectedComponents(graph, { relationType: 'ghost' });
