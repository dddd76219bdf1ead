import { EventBus as LocalBus } from '@inner-universe/nerv/events';
import type { EventMap } from '@inner-universe/nerv';

/** NERV's bus, which can be asked whether an event would reach anybody. */
export class HeardBus<M extends object = EventMap> extends LocalBus<M> {
  /** Whether somebody takes application events of a valid type; for what is no type it says that somebody does. */
  hears(type: string): boolean {
    try {
      return this.applicationRouter.route(type).length > 0;
    } catch {
      // Delivering it tells what is wrong.
      return true;
    }
  }
}
