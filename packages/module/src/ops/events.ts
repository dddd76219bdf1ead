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
import { refuseTakenId } from '../log/log-writer.ts';
import { SYSTEM_ID_PREFIX } from '../wire/vocabulary.ts';
import { referToChunks } from './chunks.ts';
import type { Work } from './work.ts';

const NO_METADATA = '{}';

/** Publishes an application event, durable or ephemeral. */
export function publishEvent(work: Work, op: PublishEventOp): void {
  const scope = checkScope(op.scope);
  const eventType = checkEventType(op.eventType);
  work.access.require('publish', { kind: 'event', name: eventType, scope });
  const eventId = checkEventId(op.eventId);
  const dataEncoding = checkEncoding(op.dataEncoding);
  checkValue(op.data, dataEncoding, 'data');
  const metadata = op.metadata === '' ? NO_METADATA : op.metadata;
  const metadataEncoding = checkEncoding(op.metadataEncoding);
  if (metadata !== NO_METADATA || metadataEncoding !== 'json/1') {
    checkObjectValue(metadata, metadataEncoding, 'metadata');
  }
  const ephemeral = isEphemeral(op.durability);
  requireNewId(work, eventId, ephemeral);
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
  if (dataEncoding === 'chunks/1' || metadataEncoding === 'chunks/1') {
    referToChunks(work, scope, [draft.data, dataEncoding], [metadata, metadataEncoding]);
  }
  work.log.publish(draft, work.position);
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

/** The log itself does not take a durable event's id twice, see `LogWriter`. */
function requireNewId(work: Work, eventId: string, ephemeral: boolean): void {
  const isLogged = ephemeral && work.db.eventLog.eventId.find(eventId) !== null;
  if (isLogged || work.eventIds.has(eventId)) refuseTakenId(eventId);
  work.eventIds.add(eventId);
}

function isEphemeral(durability: string): boolean {
  if (durability === 'durable' || durability === '') return false;
  if (durability === 'ephemeral') return true;
  return refuse('value/malformed', `The durability '${durability}' is neither durable nor ephemeral.`);
}
