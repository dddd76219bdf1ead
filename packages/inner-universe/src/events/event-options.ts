import { NervError, type Durability, type EventMetadata } from '@inner-universe/nerv';
import type { BusMiddleware } from '@inner-universe/nerv/events';
import { isWellFormed } from '../controller/check-options.ts';
import { NervPersistenceError } from '../errors.ts';
import { TypeRules } from './type-rules.ts';
import { EventUpcasting, type Upcasters } from './upcasting.ts';

/** What a rule for partition keys is told of an event that is about to be published. */
export interface KeyedEvent {
  readonly type: string;
  readonly data: unknown;
  readonly source: string | undefined;
  readonly metadata: EventMetadata;
}

/** How the events of a universe are published and read, by type. Patterns are those of subscriptions. */
export interface EventOptions {
  /**
   * Which events are persisted: durability by pattern, where a call to `publish` says none. The most specific pattern
   * holds; what none matches is durable.
   */
  readonly durability?: Readonly<Record<string, Durability>> | undefined;
  /** The scope events are published in, by pattern, where a call says none; else `main`. */
  readonly scope?: Readonly<Record<string, string>> | undefined;
  /** The partition key of events, by pattern, where a call says none; undefined is the source. */
  readonly partitionKey?: Readonly<Record<string, (event: KeyedEvent) => string | undefined>> | undefined;
  /** What brings data of older versions forward; see `defineUpcasters`. */
  readonly upcasters?: Upcasters | undefined;
  /** What stands in the way of events that are published here, come from the log, or are handled; the first is outermost. */
  readonly middleware?: readonly BusMiddleware[] | undefined;
}

/** `EventOptions`, checked and ready to be asked. */
export class EventRules {
  readonly upcasting: EventUpcasting;
  readonly #durability: TypeRules<Durability>;
  readonly #scope: TypeRules<string>;
  readonly #partitionKey: TypeRules<(event: KeyedEvent) => string | undefined>;

  /** @throws {NervPersistenceError} `config/invalid`, `event/missing-upcaster` */
  constructor(options: EventOptions = {}) {
    for (const [pattern, durability] of Object.entries(options.durability ?? {})) {
      // Programs without types may say anything.
      if (!['durable', 'ephemeral', 'local'].includes(durability))
        throw invalid(`The durability of '${pattern}' is '${durability}'; it is durable, ephemeral or local.`, pattern);
    }
    for (const [pattern, scope] of Object.entries(options.scope ?? {})) {
      if (typeof scope !== 'string' || scope === '' || !isWellFormed(scope))
        throw invalid(`The scope of '${pattern}' has no name.`, pattern);
    }
    for (const [pattern, keyOf] of Object.entries(options.partitionKey ?? {})) {
      if (typeof keyOf !== 'function') throw invalid(`The partition key of '${pattern}' takes a function.`, pattern);
    }
    this.#durability = rulesOf('durability', options.durability);
    this.#scope = rulesOf('scope', options.scope);
    this.#partitionKey = rulesOf('partitionKey', options.partitionKey);
    this.upcasting = new EventUpcasting(options.upcasters);
  }

  durabilityOf(type: string): Durability {
    return this.#durability.find(type) ?? 'durable';
  }

  scopeOf(type: string): string | undefined {
    return this.#scope.find(type);
  }

  /** @throws {NervError} `value/unsupported` for what a rule gives that is no text */
  partitionKeyOf(event: KeyedEvent): string | undefined {
    const key: unknown = this.#partitionKey.find(event.type)?.(event);
    if (key === undefined || (typeof key === 'string' && isWellFormed(key))) return key;
    throw new NervError('value/unsupported', `The partition key of '${event.type}' that its rule gives is no text.`, {
      details: { type: event.type },
    });
  }
}

function rulesOf<T>(option: string, values: Readonly<Record<string, T>> | undefined): TypeRules<T> {
  try {
    return new TypeRules(values);
  } catch (cause) {
    if (!(cause instanceof NervError)) throw cause;
    throw invalid(`The option events.${option}: ${cause.message}`, String(cause.details['pattern']), cause);
  }
}

function invalid(message: string, pattern: string, cause?: unknown): NervPersistenceError {
  return new NervPersistenceError('config/invalid', message, { details: { pattern }, cause });
}
