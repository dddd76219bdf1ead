export { PendingOverlay } from './pending-overlay.ts';
export type {
  OverlayTarget,
  PendingConflict,
  PendingNotice,
  PendingOptions,
  PendingRequest,
  PutOutcome,
} from './pending-overlay.ts';
export { StateTarget } from './state-target.ts';
export type { RequestOutcome, StateRules } from './state-target.ts';
