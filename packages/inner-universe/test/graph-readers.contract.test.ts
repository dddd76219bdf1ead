import { runEntityGraphContract, runGraphPastContract } from '@inner-universe/nerv/testing';
import { afterAll, describe } from 'vitest';
import { SpacetimeEntityGraph, type Universe } from '../src/index.ts';
import { createTestUniverse, READ_AND_WRITE, type TestGrant, type TestUniverse } from '../src/testing/index.ts';
import { describeForms } from './forms.ts';

/** Grants for types alone: who has them may read no record of the log. */
const TYPES_ONLY: readonly TestGrant[] = ['entity:*', 'relation:*'].flatMap((resource): TestGrant[] => [
  { action: 'read', resource },
  { action: 'write', resource },
]);

/** The graph of somebody, over one universe for all tests; each begins with an empty graph. */
function openings(open: (test: TestUniverse) => Promise<Universe>): () => Promise<[TestUniverse, Universe]> {
  let opened: Promise<[TestUniverse, Universe]> | undefined;
  afterAll(async () => (await opened)?.[0].close());
  return async () => {
    opened ??= (async (): Promise<[TestUniverse, Universe]> => {
      const test = await createTestUniverse();
      return [test, await open(test)];
    })();
    const [{ universe }] = await opened;
    const entities = await universe.graph.query();
    await universe.graph.batch((batch) => entities.forEach(({ id }) => batch.deleteEntity(id, { cascade: true })));
    return opened;
  };
}

describe.each([
  ['the owner', (test: TestUniverse) => Promise.resolve(test.universe)],
  ['a reader of a scope', (test: TestUniverse) => test.as('ada', READ_AND_WRITE)],
  ['a reader of types alone', (test: TestUniverse) => test.as('ada', TYPES_ONLY)],
])('the graph of %s', (_, open) => {
  const begin = openings(open);
  const onError = (error: unknown): never => {
    throw error;
  };

  runEntityGraphContract(async () => {
    const [, { client }] = await begin();
    return new SpacetimeEntityGraph(client, { onError });
  });

  runGraphPastContract(async () => {
    const test = await createTestUniverse();
    const { client } = await open(test);
    const graph = new SpacetimeEntityGraph(client, { onError });
    return {
      graph: closingWith(graph, test),
      passTime: async () => {
        await test.advance(2);
        return Number(test.clock.nowMicros() / 1000n) - 1;
      },
    };
  });
});

describeForms((form) => {
  runGraphPastContract(async () => {
    const universe = await form.open();
    return {
      graph: closingWith(new SpacetimeEntityGraph(universe.client, { onError: () => undefined }), universe),
      passTime: async () => {
        const before = Date.now();
        while (Date.now() <= before + 1) await new Promise((resolve) => setImmediate(resolve));
        return before + 1;
      },
    };
  });
});

/** The graph, which closes what it lies in when it is closed. */
function closingWith(graph: SpacetimeEntityGraph, what: { close(): Promise<void> }): SpacetimeEntityGraph {
  const close = graph.close.bind(graph);
  return Object.assign(graph, {
    close: async () => {
      await close();
      await what.close();
    },
  });
}
