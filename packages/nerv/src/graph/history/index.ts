export { GraphHistory } from './graph-history.ts';
export type { GraphHistoryOptions } from './graph-history.ts';
