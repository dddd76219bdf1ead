export { EventHistory, MAX_PAGE_EVENTS } from './event-history.ts';
export { subscribeWithReplay } from './replayed-subscription.ts';
export type { ReplayedSubscription, ReplayOptions } from './replayed-subscription.ts';
