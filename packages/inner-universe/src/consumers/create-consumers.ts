import { OperationFactory } from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { Encryption } from '../encryption/encryption.ts';
import { EventRules, type EventOptions } from '../events/event-options.ts';
import type { ArchivedLog } from './archived-log.ts';
import { Consumers } from './consumers.ts';
import { GraphEffects } from './graph-effects.ts';
import { StateEffects } from './state-effects.ts';

/** What the consumers of a universe share with its other parts. */
export interface ConsumersOptions {
  readonly onError: (error: unknown) => void;
  /** Default label of who publishes and writes. */
  readonly source?: string | undefined;
  readonly encryption?: Encryption | undefined;
  /** How events are published and read, by type. */
  readonly events?: EventOptions | EventRules | undefined;
  /** Where events lie that were trimmed from the log. */
  readonly archive?: ArchivedLog | undefined;
}

/** The consumers of a universe. Its owner closes them before the client. */
export function createConsumers(client: ModuleClient, options: ConsumersOptions): Consumers {
  const { onError, source, encryption, events, archive } = options;
  const rules = events instanceof EventRules ? events : new EventRules(events);
  const sealer = encryption?.events;
  return new Consumers({
    client,
    onError,
    archive,
    source: { read: client.readPage, sealer, upcasting: rules.upcasting },
    transactions: {
      ids: client.ids,
      events: { client, source, sealer, rules },
      states: new StateEffects(client, encryption),
      graph: new GraphEffects(client, encryption?.graph, { scope: 'main', author: source ?? '' }),
      operations: () =>
        new OperationFactory({
          nextId: () => client.ids.nextId(),
          nowMs: () => Number(client.clock.nowMicros() / 1000n),
        }),
    },
  });
}
