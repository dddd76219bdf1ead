import { microsOf, type ConsumersPage } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { pages } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, type CallRunner } from '../connection/run-within.ts';
import { checkCallOptions, checkOptions } from '../controller/check-options.ts';

/** An event that a consumer's handler could not take. */
export interface DeadLetter {
  readonly eventId: string;
  readonly seq: number;
  readonly partition: number;
  readonly reason: string;
  /** How often the handler was called for it. */
  readonly attempts: number;
  readonly parkedAt: Date;
  /**
   * `parked`: it was put aside. `stopped`: its partition stands there until somebody decides. `waiting`: it is to be
   * handled again.
   */
  readonly state: 'parked' | 'stopped' | 'waiting';
}

/** The dead letters of one consumer. */
export class DeadLetters implements AsyncIterable<DeadLetter> {
  readonly #client: ModuleClient;
  readonly #name: string;
  readonly #onChanged: () => void;
  readonly #within: CallRunner;

  /** `onChanged` is called when letters were changed here. */
  constructor(client: ModuleClient, name: string, onChanged: () => void = () => undefined) {
    this.#client = client;
    this.#name = name;
    this.#onChanged = onChanged;
    this.#within = makeCallRunner('deadLetters', client.timers);
  }

  /** All of them, in the order of their events, page by page. */
  [Symbol.asyncIterator](): AsyncGenerator<DeadLetter, void, undefined> {
    return this.each();
  }

  /** As a loop over them, which can be called off; `timeoutMs` is for each page. */
  async *each(call: CallOptions = {}): AsyncGenerator<DeadLetter, void, undefined> {
    checkCallOptions('deadLetters.each', call);
    const read = (cursor: string): Promise<ConsumersPage> =>
      this.#client.read('readConsumers', { name: this.#name, cursor, limit: 0 }, call);
    for await (const { deadLetters, partitions, consumers } of pages(read)) {
      const offsets = new Map(partitions.map(({ partition, offset }) => [partition, offset]));
      const isStopping = consumers[0]?.failurePolicy === 'stop';
      for (const { eventId, seq, partition, reason, attempts, parkedAt } of deadLetters) {
        const isAhead = isStopping && seq > (offsets.get(partition) ?? seq);
        yield {
          eventId,
          seq: Number(seq),
          partition,
          reason,
          attempts,
          parkedAt: new Date(Number(microsOf(parkedAt) / 1000n)),
          state: attempts === 0 ? 'waiting' : isAhead ? 'stopped' : 'parked',
        };
      }
    }
  }

  /** The first of them, at most so many; `Infinity` for all. @throws {NervPersistenceError} `config/invalid` */
  async list(limit = 1_000, call?: CallOptions): Promise<readonly DeadLetter[]> {
    if (limit !== Infinity) checkOptions('deadLetters.list', { limit }, { limit: 'count' });
    return this.#within('list', call, async (signal) => {
      const letters: DeadLetter[] = [];
      for await (const letter of this.each({ signal })) {
        if (letters.length >= limit) break;
        letters.push(letter);
      }
      return letters;
    });
  }

  /**
   * Has the event handled again by whoever holds its partition; what the handler does and the end of the letter are one
   * transaction. A partition that stopped there goes on. @throws `consumer/not-found` when there is no such letter
   */
  async retry(eventId: string, call: CallOptions = {}): Promise<void> {
    await this.#client.write([{ tag: 'retryDeadLetter', value: { name: this.#name, eventId } }], call);
    this.#onChanged();
  }

  /** As `retry`, for all there are; gives how many. Called off, those that it came to are handled again all the same. */
  async retryAll(call?: CallOptions): Promise<number> {
    let count = 0;
    try {
      await this.#within('retryAll', call, async (signal) => {
        for await (const { eventId, state } of this.each({ signal })) {
          if (state === 'waiting') continue;
          await this.#client.write([{ tag: 'retryDeadLetter', value: { name: this.#name, eventId } }], { signal });
          count += 1;
        }
      });
    } finally {
      this.#onChanged();
    }
    return count;
  }

  /** Gives the event up. A partition that stopped there goes on behind it. One that is not there is no error. */
  async discard(eventId: string, call: CallOptions = {}): Promise<void> {
    await this.#client.write([{ tag: 'discardDeadLetter', value: { name: this.#name, eventId } }], call);
    this.#onChanged();
  }
}
