import { runEventBusContract } from '../testing/event-bus-contract.ts';
import { EventBus } from './event-bus.ts';

runEventBusContract(() => new EventBus());
