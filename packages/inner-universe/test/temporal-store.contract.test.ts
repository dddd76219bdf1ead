import { runTemporalStoreContract, type ContractState } from '@inner-universe/nerv/testing';
import { afterAll } from 'vitest';
import type { Universe } from '../src/index.ts';
import { describeForms } from './forms.ts';

describeForms((form) => {
  let opened: Promise<Universe> | undefined;
  let stores = 0;
  afterAll(async () => (await opened)?.close());
  runTemporalStoreContract(async (initial) => {
    opened ??= form.open();
    stores += 1;
    return (await opened).states.open<ContractState>(`store-${stores}`, initial);
  });
});
