import type { PublishEventOp } from '../schema/op-types.ts';
import { refuse } from '../refusals/refused.ts';
import {
  checkEncoding,
  checkEventType,
  checkId,
  checkLabel,
  checkObjectValue,
  checkScope,
  checkValue,
} from '../values/checks.ts';
import { SYSTEM_ID_PREFIX } from '../wire/vocabulary.ts';
import { referToChunks } from './chunks.ts';
import type { Work } from './work.ts';

/** Publishes an application event, durable or ephemeral. */
export function publishEvent(work: Work, op: PublishEventOp): void {
  const scope = checkScope(op.scope);
  const eventType = checkEventType(op.eventType);
  work.access.require('publish', { kind: 'event', name: eventType, scope });
  const eventId = checkEventId(op.eventId);
  const dataEncoding = checkEncoding(op.dataEncoding);
  checkValue(op.data, dataEncoding, 'data');
  const metadata = op.metadata === '' ? '{}' : op.metadata;
  const metadataEncoding = checkEncoding(op.metadataEncoding);
  checkObjectValue(metadata, metadataEncoding, 'metadata');
  const ephemeral = isEphemeral(op.durability);
  requireNewId(work, eventId);
  const draft = {
    eventId,
    eventType,
    typeVersion: op.typeVersion,
    kind: 'application',
    scope,
    source: checkLabel(op.source, 'source'),
    partitionKey: op.partitionKey === '' ? op.source : checkLabel(op.partitionKey, 'partition key'),
    authoredAt: op.authoredAt ?? work.now,
    data: op.data,
    dataEncoding,
    metadata,
    metadataEncoding,
  };
  if (ephemeral) {
    work.log.publishEphemeral(draft);
    return;
  }
  referToChunks(work, scope, [draft.data, dataEncoding], [metadata, metadataEncoding]);
  work.log.publish(draft);
}

function checkEventId(eventId: string): string {
  if (eventId.startsWith(SYSTEM_ID_PREFIX)) {
    refuse(
      'value/malformed',
      `The event id '${eventId}' begins with '${SYSTEM_ID_PREFIX}', which only the module uses.`,
      {
        ids: [eventId],
      },
    );
  }
  return checkId(eventId, 'event id');
}

function requireNewId(work: Work, eventId: string): void {
  if (work.eventIds.has(eventId) || work.db.eventLog.eventId.find(eventId) !== null) {
    refuse('event/id-taken', `The event id '${eventId}' is taken by another event.`, { ids: [eventId] });
  }
  work.eventIds.add(eventId);
}

function isEphemeral(durability: string): boolean {
  if (durability === 'durable' || durability === '') return false;
  if (durability === 'ephemeral') return true;
  return refuse('value/malformed', `The durability '${durability}' is neither durable nor ephemeral.`);
}
