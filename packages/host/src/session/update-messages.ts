import type { EncodedMessage } from '../protocol/message-builder.ts';
import { encodeTransactionUpdate } from '../protocol/server-message.ts';
import type { QuerySetUpdate } from '../subscriptions/shared-results.ts';

/** The messages of one commit: clients that are told the same, one after the other, are sent the same message. */
export class UpdateMessages {
  #updates: readonly QuerySetUpdate[] | undefined;
  #message: EncodedMessage | undefined;

  of(updates: readonly QuerySetUpdate[]): EncodedMessage {
    if (this.#message !== undefined && this.#updates === updates) return this.#message;
    this.#updates = updates;
    this.#message = encodeTransactionUpdate(updates);
    return this.#message;
  }
}
