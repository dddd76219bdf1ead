import type { ConsumersPage } from '@inner-universe/module/wire';
import type { ModuleClient } from '../client/client.ts';
import { pages } from '../client/reads.ts';
import { refusalOf } from '../errors.ts';
import { Consumer, seekConsumer, trimmedBy, type ConsumerParts } from './consumer.ts';
import { readStatus, type ConsumerStatus } from './consumer-status.ts';
import { DeadLetters } from './dead-letters.ts';
import {
  checkWorkerOptions,
  definitionOf,
  makeDefinition,
  requireSame,
  type ConsumerDefinition,
  type ConsumerOptions,
  type ConsumerPosition,
} from './definition.ts';
import { findPosition } from './log-position.ts';

/** The durable consumers of a universe. */
export class Consumers {
  readonly #parts: ConsumerParts;
  readonly #client: ModuleClient;
  readonly #open = new Set<Consumer>();

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    this.#client = parts.client;
  }

  /**
   * One more worker of a consumer, which is made if there is none of that name. What is not said of one that exists is
   * taken as it is.
   * @throws {NervPersistenceError} `config/invalid`; `consumer/mismatch` when it exists as something else;
   * `permission/denied` without a grant to consume its pattern in its scope
   */
  async open(name: string, options: ConsumerOptions = {}): Promise<Consumer> {
    checkWorkerOptions(options);
    const wanted = makeDefinition(name, options);
    const definition = (await this.#find(name)) ?? (await this.#create(wanted, options));
    requireSame(definition, options);
    const consumer: Consumer = new Consumer(this.#parts, definition, {
      ...options,
      onClosed: () => this.#open.delete(consumer),
    });
    this.#open.add(consumer);
    return consumer;
  }

  /** Those that the caller may use, in the order in which they were made. */
  async list(): Promise<readonly ConsumerDefinition[]> {
    const found: ConsumerDefinition[] = [];
    const read = (cursor: string): Promise<ConsumersPage> =>
      this.#client.read('readConsumers', { name: '', cursor, limit: 0 });
    for await (const { consumers } of pages(read)) found.push(...consumers.map(definitionOf));
    return found;
  }

  /** How one stands. @throws `consumer/not-found` */
  status(name: string): Promise<ConsumerStatus> {
    return readStatus(this.#client, name);
  }

  /** The dead letters of one. */
  deadLetters(name: string): DeadLetters {
    return new DeadLetters(this.#client, name);
  }

  /** See `Consumer.seek`. @throws `consumer/not-found` */
  async seek(
    name: string,
    position: ConsumerPosition,
    options: { readonly partition?: number | undefined } = {},
  ): Promise<void> {
    const definition = await this.#read(name);
    const onTrimmed = trimmedBy(this.#parts);
    await seekConsumer(this.#client, definition, { position, partition: options.partition, onTrimmed });
  }

  /** Deletes one with its partitions and dead letters; its workers end with `consumer/not-found`. */
  async delete(name: string): Promise<void> {
    await this.#client.write([{ tag: 'deleteConsumer', value: { name } }]);
  }

  /** Closes all that were opened here. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((consumer) => consumer.close()));
    this.#parts.transactions.states.close();
  }

  async #create(wanted: ConsumerDefinition, options: ConsumerOptions): Promise<ConsumerDefinition> {
    const { name, scope, pattern, partitions, holdsTrim, failurePolicy } = wanted;
    const { startAt = 'now', onTrimmed = trimmedBy(this.#parts) } = options;
    const startSeq = await findPosition(this.#client, startAt, { scope, onTrimmed });
    try {
      const value = { name, scope, pattern, partitions, startSeq, holdsTrim, failurePolicy };
      // A request of its own: when it is refused because there is one, that one is there.
      await this.#client.apply([{ tag: 'createConsumer', value }]);
      return wanted;
    } catch (error) {
      // Somebody else was faster.
      if (refusalOf(error)?.code !== 'consumer/exists') throw error;
      return this.#read(name);
    }
  }

  async #find(name: string): Promise<ConsumerDefinition | undefined> {
    try {
      return await this.#read(name);
    } catch (error) {
      if (refusalOf(error)?.code === 'consumer/not-found') return undefined;
      throw error;
    }
  }

  async #read(name: string): Promise<ConsumerDefinition> {
    const { consumers } = await this.#client.read('readConsumers', { name, cursor: '', limit: 1 });
    const [row] = consumers;
    if (row === undefined) throw new TypeError('the module refuses a name that it does not know');
    return definitionOf(row);
  }
}
