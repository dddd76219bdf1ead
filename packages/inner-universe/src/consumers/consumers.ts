import type { ConsumersPage } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { pages } from '../client/reads.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeCallRunner, runWithin, type CallRunner } from '../connection/run-within.ts';
import { CALL_OPTION_FORMS, checkCallOptions, checkOptions, type OptionForm } from '../controller/check-options.ts';
import { refusalOf } from '../errors.ts';
import {
  checkSeekOptions,
  Consumer,
  seekConsumer,
  trimmedBy,
  type ConsumerParts,
  type SeekOptions,
} from './consumer.ts';
import { readStatus, type ConsumerStatus, type StatusOptions } from './consumer-status.ts';
import { DeadLetters } from './dead-letters.ts';
import {
  checkConsumerOptions,
  definitionOf,
  EVENT_KINDS,
  makeDefinition,
  requireSame,
  type ConsumerDefinition,
  type ConsumerOptions,
  type ConsumerPosition,
} from './definition.ts';
import { findPosition } from './log-position.ts';

const STATUS_FORMS: { readonly [Name in keyof Required<StatusOptions>]: OptionForm } = {
  ...CALL_OPTION_FORMS,
  kind: EVENT_KINDS,
};

/** The durable consumers of a universe. */
export class Consumers {
  readonly #parts: ConsumerParts;
  readonly #client: ModuleClient;
  readonly #within: CallRunner;
  readonly #open = new Set<Consumer>();
  #closing: Promise<unknown> | undefined;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    this.#client = parts.client;
    this.#within = makeCallRunner('consumers', parts.client.timers);
  }

  /**
   * One more worker of a consumer, which is made if there is none of that name. What is not said of one that exists is
   * taken as it is.
   * @throws {NervPersistenceError} `config/invalid`; `consumer/mismatch` when it exists as something else;
   * `permission/denied` without a grant to consume its pattern in its scope
   */
  async open(name: string, options: ConsumerOptions = {}, call?: CallOptions): Promise<Consumer> {
    checkConsumerOptions(name, options);
    const wanted = makeDefinition(name, options);
    const definition = await this.#within('open', call, async (signal) => {
      return (await this.#find(name, { signal })) ?? (await this.#create(wanted, options, { signal }));
    });
    requireSame(definition, options);
    const consumer: Consumer = new Consumer(this.#parts, definition, {
      ...options,
      onClosed: () => this.#open.delete(consumer),
    });
    this.#open.add(consumer);
    return consumer;
  }

  /** Those that the caller may use, in the order in which they were made. */
  list(call?: CallOptions): Promise<readonly ConsumerDefinition[]> {
    return this.#within('list', call, async (signal) => {
      const found: ConsumerDefinition[] = [];
      const read = (cursor: string): Promise<ConsumersPage> =>
        this.#client.read('readConsumers', { name: '', cursor, limit: 0 }, { signal });
      for await (const { consumers } of pages(read)) found.push(...consumers.map(definitionOf));
      return found;
    });
  }

  /** How one stands. @throws `consumer/not-found` */
  async status(name: string, options: StatusOptions = {}): Promise<ConsumerStatus> {
    checkOptions('consumers.status', options, STATUS_FORMS);
    const { kind, ...call } = options;
    return this.#within('status', call, (signal) => readStatus(this.#client, name, { kind, signal }));
  }

  /** The dead letters of one. */
  deadLetters(name: string): DeadLetters {
    return new DeadLetters(this.#client, name);
  }

  /** See `Consumer.seek`. @throws `consumer/not-found` */
  async seek(name: string, position: ConsumerPosition, options: SeekOptions = {}): Promise<void> {
    checkSeekOptions(options);
    const { partition, ...given } = options;
    return this.#within('seek', given, async (signal) => {
      const call = { signal };
      const definition = await this.#read(name, call);
      await seekConsumer(this.#client, definition, { position, partition, onTrimmed: trimmedBy(this.#parts), call });
    });
  }

  /** Deletes one with its partitions and dead letters; its workers end with `consumer/not-found`. */
  async delete(name: string, call: CallOptions = {}): Promise<void> {
    await this.#client.write([{ tag: 'deleteConsumer', value: { name } }], call);
  }

  /** Closes all that were opened here. When the call is called off, closing goes on all the same. */
  async close(call: CallOptions = {}): Promise<void> {
    checkCallOptions('consumers.close', call);
    // Whoever closes once more waits for those that are being closed as well.
    this.#closing = Promise.all([this.#closing, ...[...this.#open].map((consumer) => consumer.close())]).finally(() =>
      this.#parts.transactions.states.close(),
    );
    await runWithin('consumers.close', call, async () => this.#closing, this.#client.timers);
  }

  async #create(wanted: ConsumerDefinition, options: ConsumerOptions, call: CallOptions): Promise<ConsumerDefinition> {
    const { name, scope, pattern, partitions, holdsTrim, failurePolicy } = wanted;
    const { startAt = 'now', onTrimmed = trimmedBy(this.#parts) } = options;
    const startSeq = await findPosition(this.#client, startAt, { scope, onTrimmed, call });
    try {
      const value = { name, scope, pattern, partitions, startSeq, holdsTrim, failurePolicy };
      // A request of its own: when it is refused because there is one, that one is there.
      await this.#client.apply([{ tag: 'createConsumer', value }], call);
      return wanted;
    } catch (error) {
      // Somebody else was faster.
      if (refusalOf(error)?.code !== 'consumer/exists') throw error;
      return this.#read(name, call);
    }
  }

  async #find(name: string, call: CallOptions): Promise<ConsumerDefinition | undefined> {
    try {
      return await this.#read(name, call);
    } catch (error) {
      if (refusalOf(error)?.code === 'consumer/not-found') return undefined;
      throw error;
    }
  }

  async #read(name: string, call: CallOptions): Promise<ConsumerDefinition> {
    const { consumers } = await this.#client.read('readConsumers', { name, cursor: '', limit: 1 }, call);
    const [row] = consumers;
    if (row === undefined) throw new TypeError('the module refuses a name that it does not know');
    return definitionOf(row);
  }
}
