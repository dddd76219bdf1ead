import { expect } from 'vitest';
import type { EntityGraph } from '../../graph/entity-graph.ts';
import type { Entity } from '../../graph/entity.ts';

/** A test's body, run on a new graph that is closed after it. */
export type WithGraph = (body: (graph: EntityGraph) => Promise<void>) => () => Promise<void>;

/** Two entities, `a` and `b`. */
export async function twoPeople(graph: EntityGraph): Promise<{ readonly a: Entity; readonly b: Entity }> {
  const a = await graph.createEntity('person', { id: 'a', name: 'Ada' });
  const b = await graph.createEntity('person', { id: 'b', name: 'Bob' });
  return { a, b };
}

/** Expects that the act is refused with this code. */
export async function refused(act: () => unknown, code: string): Promise<void> {
  const attempt = async (): Promise<unknown> => await act();
  await expect(attempt()).rejects.toMatchObject({ code });
}
