import { NervError } from '@inner-universe/nerv';
import { expect, test } from 'vitest';
import { ConnectionError, RefusedError } from '../../src/index.ts';
import { createTestUniverse } from '../../src/testing/index.ts';
import { describeForms } from '../forms.ts';

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describeForms((form) => {
  test('a refusal crosses from reducers and procedures as the same typed error, with code and ids', async () => {
    const universe = await form.open();
    try {
      const fromReducer = await failureOf(
        universe.client.write([{ tag: 'deleteEntity', value: { id: 'nobody', cascade: false, ifSeq: undefined } }]),
      );
      expect(fromReducer).toBeInstanceOf(NervError);
      expect(fromReducer).toMatchObject({ code: 'entity/not-found', details: { entityId: 'nobody' } });
      const fromProcedure = await failureOf(universe.states.load('no-version'));
      expect(fromProcedure).toBeInstanceOf(RefusedError);
      expect(fromProcedure).toMatchObject({ code: 'state/unknown-version', ids: ['no-version'] });
      for (const error of [fromReducer, fromProcedure])
        expect((error as Error).message).not.toMatch(/fatal|undefined|\[object/);
    } finally {
      await universe.close();
    }
  });
});

test('what the network does to a call is told with its cause', async () => {
  await using testUniverse = await createTestUniverse({ reconnectForMs: 1_000 });
  testUniverse.network.cut();
  const failing = failureOf(testUniverse.universe.events.publish('lost', 1));
  await testUniverse.advance(60_000);
  const error = await failing;
  expect(error).toBeInstanceOf(ConnectionError);
  expect((error as ConnectionError).code).toMatch(/^connection\//);
  testUniverse.takeErrors();
});
