/** The contract of state stores for those who are not the owner: by `head` and pages. */
import { runTemporalStoreContract, type ContractState } from '@inner-universe/nerv/testing';
import { afterAll, describe } from 'vitest';
import type { Universe } from '../src/index.ts';
import { createTestUniverse, type TestGrant, type TestUniverse } from '../src/testing/index.ts';

const WAYS: readonly (readonly [string, readonly TestGrant[]])[] = [
  [
    'a scope',
    [
      { action: 'read', resource: 'scope:main' },
      { action: 'commit', resource: 'store:*' },
    ],
  ],
  [
    'stores alone',
    [
      { action: 'read', resource: 'store:*' },
      { action: 'commit', resource: 'store:*' },
    ],
  ],
];

describe.each(WAYS)('for somebody with grants to %s', (_, grants) => {
  let opened: Promise<{ testUniverse: TestUniverse; ada: Universe }> | undefined;
  let stores = 0;
  const open = async (): Promise<{ testUniverse: TestUniverse; ada: Universe }> => {
    const testUniverse = await createTestUniverse();
    return { testUniverse, ada: await testUniverse.as('ada', grants) };
  };
  afterAll(async () => (await opened)?.testUniverse.close());
  runTemporalStoreContract(async (initial) => {
    opened ??= open();
    stores += 1;
    return (await opened).ada.states.open<ContractState>(`store-${stores}`, initial);
  });
});
