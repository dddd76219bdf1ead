import { expectTypeOf } from 'vitest';
import { EntityGraph } from '../entity-graph.ts';
import type { EntityOf, RelationOf } from '../entity.ts';
import { pattern } from './graph-pattern.ts';

interface Schema {
  readonly entities: {
    readonly person: { readonly age: number };
    readonly firm: { readonly size?: number };
  };
  readonly relations: { readonly works: { readonly since?: number }; readonly knows: object };
}

const graph = new EntityGraph<Schema>();
const colleagues = pattern<Schema>()
  .entity('me', { type: 'person', where: { properties: { age: { gt: 18 } } } })
  .hop({ as: 'job', type: 'works' }, 'firm', { type: 'firm' })
  .hop({ from: 'firm', direction: 'in', type: 'works' }, 'other', { type: 'person' })
  .hop({ as: 'chain', type: 'knows', hops: [1, 3] }, 'me')
  .where(({ me, other, firm }) => me.properties.age > other.properties.age && firm.id !== '');

const [match] = colleagues.find(graph, { limit: 1 });
if (match !== undefined) {
  expectTypeOf(match.me).toEqualTypeOf<EntityOf<Schema, 'person'>>();
  expectTypeOf(match.firm).toEqualTypeOf<EntityOf<Schema, 'firm'>>();
  expectTypeOf(match.job).toEqualTypeOf<RelationOf<Schema, 'works'>>();
  expectTypeOf(match.chain).toEqualTypeOf<readonly RelationOf<Schema, 'knows'>[]>();
  // @ts-expect-error nothing has this name
  void match.nobody;
}

pattern<Schema>()
  .entity('a')
  // @ts-expect-error there is no such relation type
  .hop({ type: 'ghost' }, 'b');
pattern<Schema>()
  .entity('a')
  // @ts-expect-error there is no entity of that name to go on from
  .hop({ from: 'z' }, 'b');
// @ts-expect-error an age is a number
pattern<Schema>().entity('a', { type: 'person', where: { properties: { age: { gt: 'old' } } } });
