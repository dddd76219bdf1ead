import { runEventBusContract } from '../testing/event-bus-contract.ts';
import { EventBus } from './event-bus.ts';
import { EventHistory } from './event-history.ts';

runEventBusContract(() => new EventBus({ history: new EventHistory(1000) }));
