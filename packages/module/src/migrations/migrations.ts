import { historyGaps } from './history-gaps.ts';
import type { Migration } from './migration.ts';
import { orderedRequests } from './ordered-requests.ts';

/** Every migration there ever was, in order; the last one leads to `CODE_VERSION`. */
export const MIGRATIONS: readonly Migration[] = [historyGaps, orderedRequests];
