import type { ProtocolVersion } from '../protocol/payload.ts';
import { BYTES_BOUNDS, Histogram } from './histogram.ts';

/**
 * Why a connection ended: the client closed it or vanished (`client`), did not read (`slow`), sent too much (`flood`)
 * or what must not be sent (`error`); or the database ended, or another connection took its place (`going_away`).
 */
export type DisconnectCause = 'client' | 'slow' | 'flood' | 'error' | 'going_away';

/** Counts the clients of one database and what goes over their connections. */
export class SessionMetrics {
  /** Clients that were let in, and those that the module or the host refused. */
  admitted = 0;
  rejected = 0;
  readonly disconnects: Record<DisconnectCause, number> = {
    client: 0,
    slow: 0,
    flood: 0,
    error: 0,
    going_away: 0,
  };
  /** Messages of clients that were handled, and sizes of the payloads that they came in. */
  readonly requests: Record<ProtocolVersion, number> = { v2: 0, v3: 0 };
  readonly receivedBytes: Record<ProtocolVersion, Histogram> = {
    v2: new Histogram(BYTES_BOUNDS),
    v3: new Histogram(BYTES_BOUNDS),
  };
  /** Messages to clients, and sizes of the payloads that they leave in. */
  messagesSent = 0;
  readonly sentBytes: Histogram = new Histogram(BYTES_BOUNDS);
}
