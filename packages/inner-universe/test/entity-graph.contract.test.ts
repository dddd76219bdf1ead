import { runEntityGraphContract } from '@inner-universe/nerv/testing';
import { afterAll } from 'vitest';
import { SpacetimeEntityGraph, type Universe } from '../src/index.ts';
import { describeForms } from './forms.ts';

describeForms((form) => {
  let opened: Promise<Universe> | undefined;
  afterAll(async () => (await opened)?.close());
  runEntityGraphContract(async () => {
    opened ??= form.open();
    const { client, graph } = await opened;
    // The universe is shared by the tests; each begins with an empty graph.
    const entities = await graph.query();
    await graph.batch((batch) => entities.forEach(({ id }) => batch.deleteEntity(id, { cascade: true })));
    return new SpacetimeEntityGraph(client, { onError: () => undefined });
  });
});
