import { expect, test } from 'vitest';
import { createTestUniverse } from '../../src/testing/index.ts';

/** What one write makes. */
const EVERYTHING = ['an entity', 'another', 'the relation between them'] as const;

test('a request is there whole or not at all, at whatever commit the host is killed', async () => {
  await using testUniverse = await createTestUniverse();
  const { universe } = testUniverse;
  for (let round = 0; round < 6; round += 1) {
    const crashed = testUniverse.crashAt({ commit: 1, when: round % 2 === 0 ? 'before' : 'after' });
    const writes = [0, 1, 2].map((part) => writeTogether(`${round}-${part}`));
    await crashed;
    await testUniverse.restart();
    // Before the client has sent anything again.
    for (const part of [0, 1, 2]) expect([0, EVERYTHING.length]).toContain(await countOf(`${round}-${part}`));
    await Promise.all(writes);
    for (const part of [0, 1, 2]) expect(await countOf(`${round}-${part}`)).toBe(EVERYTHING.length);
    testUniverse.host.storage.clear();
  }
  testUniverse.takeErrors();

  function writeTogether(name: string): Promise<void> {
    return universe.graph.batch((batch) => {
      batch.createEntity('part', { id: `${name}-a` });
      batch.createEntity('part', { id: `${name}-b` });
      batch.createRelation('of', { id: `${name}-r`, from: `${name}-a`, to: `${name}-b` });
    });
  }

  async function countOf(name: string): Promise<number> {
    const entities = await Promise.all(['a', 'b'].map((end) => universe.graph.getEntity(`${name}-${end}`)));
    const relation = await universe.graph.getRelation(`${name}-r`);
    return [...entities, relation].filter((row) => row !== undefined).length;
  }
});
