import type { OutboundResponse } from './outbound-http.ts';
import type { OutboundPolicy } from './outbound-options.ts';
import type { OutboundRequest } from './send-request.ts';
import type { MessagePort } from 'node:worker_threads';

/** What the helper thread starts with. */
export interface HelperData {
  readonly policy: OutboundPolicy;
  readonly port: MessagePort;
  /** Counts the answers that were posted: whoever waits sleeps on it. */
  readonly answered: Int32Array<SharedArrayBuffer>;
}

/** To the helper: one request. A request that was not answered yet is given up. */
export interface HelperRequest {
  readonly id: number;
  readonly request: OutboundRequest;
}

/** From the helper: what became of a request. */
export type HelperAnswer =
  | { readonly id: number; readonly type: 'responded'; readonly response: OutboundResponse }
  | { readonly id: number; readonly type: 'failed'; readonly message: string };
