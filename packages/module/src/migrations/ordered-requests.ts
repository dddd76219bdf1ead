import type { Migration } from './migration.ts';

/** To schema 3, which knows the op `afterRequest`: its data are those of schema 2. */
export const orderedRequests: Migration = {
  to: 3,
  name: 'ordered-requests',
  description: 'Changes no data: requests may say which one they come after.',
  blocks: [],
  step: () => ({ cursor: '', done: true, processed: 0 }),
};
