/**
 * What changed in the graph after a `seq`, all in all: each row that changed as it is now, and the ids of what is gone.
 * The records of the log tell which; they are looked at here for callers too who may not read records, and each row,
 * or the type of what is gone, decides whether its caller is told.
 */
import type { Range } from 'spacetimedb/server';
import { readLogHead } from '../log/log-writer.ts';
import { refuse } from '../refusals/refused.ts';
import type { EntityRow, EventLogRow, RelationRow } from '../schema/rows.ts';
import { mayReadEntity, mayReadRelation } from './graph.ts';
import { readPage, type End, type PageRequest, type Reader } from './reader.ts';
import type { SeqSource } from './seq-reader.ts';

/** What `read_graph_changes` is called with. */
export interface GraphChangesRequest extends PageRequest {
  readonly afterSeq: bigint;
}

/** Something that is gone, by a record of this `seq`. */
interface Gone {
  readonly id: string;
  readonly seq: bigint;
}

/** What `read_graph_changes` gives. */
export interface GraphChangesResult extends End {
  readonly entities: EntityRow[];
  readonly relations: RelationRow[];
  readonly goneEntities: Gone[];
  readonly goneRelations: Gone[];
}

/** Reads a page of the changes after a `seq`. @throws `event/trimmed` */
export function readGraphChanges(reader: Reader, request: GraphChangesRequest): GraphChangesResult {
  const { trimmedSeq } = readLogHead(reader.ctx);
  const { afterSeq } = request;
  if (afterSeq < trimmedSeq) {
    refuse(
      'event/trimmed',
      `What changed after ${afterSeq} is trimmed away up to ${trimmedSeq}. Read the graph anew.`,
      {
        details: { trimmedSeq: trimmedSeq.toString(), afterSeq: afterSeq.toString() },
      },
    );
  }
  requireSameRights(reader, afterSeq, trimmedSeq);
  const cursor = request.cursor === '' ? `${afterSeq + 1n}:` : request.cursor;
  const { rows, end } = readPage(reader, new Changes(reader), { ...request, cursor });
  return {
    entities: rows.flatMap((row) => (row.kind === 'entity' ? [row.row] : [])),
    relations: rows.flatMap((row) => (row.kind === 'relation' ? [row.row] : [])),
    goneEntities: rows.flatMap((row) => (row.kind === 'gone-entity' ? [row.row] : [])),
    goneRelations: rows.flatMap((row) => (row.kind === 'gone-relation' ? [row.row] : [])),
    ...end,
  };
}

/**
 * Refuses to go on from a `seq` after which the caller's rights changed: what it may see no longer, and what it may see
 * now, is told by reading anew only.
 */
function requireSameRights({ access, db }: Reader, afterSeq: bigint, trimmedSeq: bigint): void {
  const [last] = db.eventLog.seq.filter(afterSeq);
  if (!access.hasChangedSince(afterSeq, last?.recordedAt)) return;
  refuse('event/trimmed', `Your rights have changed after ${afterSeq}. Read the graph anew.`, {
    details: { trimmedSeq: trimmedSeq.toString(), afterSeq: afterSeq.toString() },
  });
}

const CHANGE_TYPES = [
  'ENTITY_CREATED',
  'ENTITY_UPDATED',
  'ENTITY_DELETED',
  'RELATION_CREATED',
  'RELATION_UPDATED',
  'RELATION_DELETED',
] as const;

/** One id that a record lists. */
interface Listed {
  readonly seq: bigint;
  readonly place: string;
  readonly subject: 'entity' | 'relation';
  readonly id: string;
  readonly scope: string;
  readonly isDeletion: boolean;
  /** Of what was deleted; empty where the record does not say it. */
  readonly type: string;
}

type Told =
  | { readonly kind: 'entity'; readonly row: EntityRow }
  | { readonly kind: 'relation'; readonly row: RelationRow }
  | { readonly kind: 'gone-entity' | 'gone-relation'; readonly row: Gone };

/** The ids that records list; on one page each is told once, as it is now. */
class Changes implements SeqSource<Listed, Told> {
  readonly #reader: Reader;
  readonly #told = new Set<string>();

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  readonly fetch = (range: Range<bigint>): readonly Listed[] => {
    const { eventLog } = this.#reader.db;
    return CHANGE_TYPES.flatMap((type) => [...eventLog.byType.filter([type, range])].flatMap(listIds));
  };

  readonly tailOf = ({ place }: Listed): string => place;

  readonly admit = (listed: Listed): Told | undefined => {
    const { subject, id } = listed;
    const key = `${subject} ${id}`;
    if (this.#told.has(key)) return undefined;
    const told = subject === 'entity' ? this.#entity(listed) : this.#relation(listed);
    if (told !== undefined) this.#told.add(key);
    return told;
  };

  #entity({ id, seq, scope, type, isDeletion }: Listed): Told | undefined {
    const row = this.#reader.db.entity.id.find(id);
    if (row !== null) return mayReadEntity(this.#reader, row) ? { kind: 'entity', row } : undefined;
    const mayKnow = isDeletion && mayReadEntity(this.#reader, { entityType: type, scope });
    return mayKnow ? { kind: 'gone-entity', row: { id, seq } } : undefined;
  }

  #relation({ id, seq, scope, type, isDeletion }: Listed): Told | undefined {
    const row = this.#reader.db.relation.id.find(id);
    if (row !== null) return mayReadRelation(this.#reader, row) ? { kind: 'relation', row } : undefined;
    const mayKnow = isDeletion && mayReadRelation(this.#reader, { relationType: type, scope });
    return mayKnow ? { kind: 'gone-relation', row: { id, seq } } : undefined;
  }
}

/** What records of changes hold: the module writes them, with the type of what was deleted in `items`. */
interface RecordData {
  readonly ids: readonly string[];
  readonly items?: readonly { readonly type?: string }[];
}

function listIds({ seq, scope, eventType, data }: EventLogRow): readonly Listed[] {
  const { ids, items = [] } = JSON.parse(data) as RecordData;
  const subject = eventType.startsWith('ENTITY_') ? 'entity' : 'relation';
  const isDeletion = eventType.endsWith('_DELETED');
  return ids.map((id, index) => {
    const place = String(index).padStart(10, '0');
    return { seq, place, subject, id, scope, isDeletion, type: items[index]?.type ?? '' };
  });
}
