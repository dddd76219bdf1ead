import type { EventBus } from '@inner-universe/nerv/events';
import { runEventBusContract, type ContractEvents } from '@inner-universe/nerv/testing';
import { closing, describeForms } from './forms.ts';

describeForms((form) => {
  // Handlers that throw are part of the contract; their errors are told on the bus.
  runEventBusContract(async () => {
    const universe = await form.open({ onError: () => undefined });
    return closing(universe.events as unknown as EventBus<ContractEvents>, universe); // a bus carries any events
  });
});
