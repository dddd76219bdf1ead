import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { NervError, type PublishOptions } from '@inner-universe/nerv';
import { assertPublishable } from '@inner-universe/nerv/events';
import { parse, stringify } from '@inner-universe/nerv/values';
import type { ModuleClient } from '../client/client.ts';
import { makeStoredText } from '../client/value-text.ts';
import type { EventSealer } from '../encryption/event-sealer.ts';
import type { EventRules } from '../events/event-options.ts';

/** How a handler publishes: as anybody does, but nothing of it is there before the transaction is. */
export type EffectPublishOptions = Omit<PublishOptions, 'optimistic' | 'durability'> & {
  /** Default `durable`. */
  readonly durability?: 'durable' | 'ephemeral' | undefined;
};

/** An event that a handler publishes. */
export interface PublishRequest {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly options: EffectPublishOptions;
}

/** What events of handlers are made with. */
export interface EventEffectParts {
  readonly client: ModuleClient;
  readonly source: string | undefined;
  readonly sealer: EventSealer | undefined;
  readonly rules: EventRules;
}

/** How the text of a value begins that is sealed as a whole. */
const SEALED_START = '{"$sealed":';

/**
 * Checks an event now, and gives what makes its op: data as they are at this moment.
 * @throws `event/invalid`, `value/unsupported`
 */
export function makeEventEffect(
  request: PublishRequest,
  parts: EventEffectParts,
): () => Promise<{ readonly ops: readonly Op[]; readonly chunks: readonly Op[] }> {
  const { id, type, options } = request;
  assertPublishable(type, { ...options, id });
  const durability: string = options.durability ?? 'durable';
  if (durability !== 'durable' && durability !== 'ephemeral') {
    throw new NervError('event/invalid', `A handler publishes durable or ephemeral events, not '${durability}' ones.`, {
      details: { type, durability },
    });
  }
  const text = stringify(request.data);
  const metadata = stringify(options.metadata ?? {});
  return async () => {
    const { sealer } = parts;
    const stored = sealer?.covers(type) === true ? stringify(await sealer.seal({ id, type, data: parse(text) })) : text;
    return makeOp(request, { text: stored, metadata, durability }, parts);
  };
}

function makeOp(
  { id, type, data, options }: PublishRequest,
  stored: { readonly text: string; readonly metadata: string; readonly durability: string },
  { client, rules, source: defaultSource }: EventEffectParts,
): { ops: readonly Op[]; chunks: readonly Op[] } {
  const scope = options.scope ?? rules.scopeOf(type) ?? 'main';
  const source = options.source ?? defaultSource;
  const key = options.partitionKey ?? rules.partitionKeyOf({ type, data, source, metadata: options.metadata ?? {} });
  const value = makeStoredText(stored.text, scope, `The data of event ${id} (${type})`);
  const metadata = makeStoredText(stored.metadata, scope, `The metadata of event ${id} (${type})`);
  const isSealed = value.encoding === 'json/1' && stored.text.startsWith(SEALED_START);
  const micros =
    options.timestamp === undefined ? client.clock.nowMicros() : BigInt(Math.round(options.timestamp * 1000));
  const op: Op = {
    tag: 'publishEvent',
    value: {
      eventId: id,
      eventType: type,
      typeVersion: rules.upcasting.versionOf(type),
      scope,
      source: source ?? '',
      partitionKey: key ?? '',
      authoredAt: makeWireTimestamp(micros),
      data: value.text,
      dataEncoding: isSealed ? 'sealed/1' : value.encoding,
      metadata: metadata.text,
      metadataEncoding: metadata.encoding,
      durability: stored.durability,
    },
  };
  return { ops: [op], chunks: [...value.chunks, ...metadata.chunks] };
}
