export { EventBus } from './events/event-bus.ts';
