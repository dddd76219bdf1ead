/*
 * Requests of a worker. Invariants:
 * - A request whose outcome is unknown is sent again under its id until it is known, or until nobody wants it any more.
 * - A refusal that time cures (too fast, full, migrating) is waited out; nothing of such a request was applied.
 */
import type { ConsumerAdvance, Op } from '@inner-universe/module/wire';
import { systemTimers, type Timers } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import { ConnectionError, refusalOf, type RefusedError } from '../errors.ts';
import { Backoff } from './backoff.ts';
import { Bell } from './bell.ts';

/** Refusals that are not about what was sent. */
const PASSING: ReadonlySet<string> = new Set(['limit/rate', 'limit/storage', 'schema/migrating']);

/** A request, and who may call it off between two attempts. */
export interface SentRequest {
  readonly consumer?: ConsumerAdvance | undefined;
  readonly requestId?: string | undefined;
  /** Whether an attempt that failed is the last one. */
  readonly isFinal: () => boolean;
}

/** Sends requests until their outcome is known. */
export class OpSender {
  readonly #client: ModuleClient;
  readonly #timers: Timers;
  readonly #backoff: Backoff;
  readonly #pauses = new Set<Bell>();

  constructor(client: ModuleClient) {
    this.#client = client;
    this.#timers = client.timers ?? systemTimers;
    this.#backoff = new Backoff({ delayMsMax: 5_000 }, client.ids);
  }

  /** Resolves when the request is durable. @throws the module's refusal; what ended the last attempt */
  async send(
    ops: readonly Op[],
    { consumer, requestId = this.#client.ids.nextId(), isFinal }: SentRequest,
  ): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#client.apply(ops, { requestId, consumer });
        return;
      } catch (error) {
        if (!isPassing(error) || isFinal()) throw error;
        this.#client.telemetry.log('warn', 'a consumer waits to send again', { code: error.code, attempt });
        await this.#pause(attempt);
        if (isFinal()) throw error;
      }
    }
  }

  /**
   * Sends ops that are independent of one another in as few requests as possible; those that are refused are given
   * back with why.
   */
  async sendEach(ops: readonly Op[], isFinal: () => boolean): Promise<ReadonlyMap<Op, RefusedError>> {
    const refused = new Map<Op, RefusedError>();
    let left = ops;
    while (left.length > 0) {
      try {
        await this.send(left, { isFinal });
        break;
      } catch (error) {
        const refusal = refusalOf(error);
        const op = refusal?.op === undefined ? undefined : left[refusal.op];
        if (refusal === undefined || op === undefined) throw error;
        refused.set(op, refusal);
        left = left.filter((other) => other !== op);
      }
    }
    return refused;
  }

  /** Ends the pauses before further attempts, for who may not want them any more. */
  hurry(): void {
    for (const bell of this.#pauses) bell.ring();
  }

  async #pause(attempt: number): Promise<void> {
    const bell = new Bell(this.#timers);
    this.#pauses.add(bell);
    await bell.wait(this.#backoff.delayMs(attempt));
    this.#pauses.delete(bell);
  }
}

/** Whether the same call may succeed later, with nothing done about it here. */
export function isPassing(error: unknown): error is ConnectionError | RefusedError {
  if (error instanceof ConnectionError) return error.retryable;
  const refusal = refusalOf(error);
  return refusal !== undefined && PASSING.has(refusal.code);
}
