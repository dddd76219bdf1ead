/** The fields that entities and relations share: checked, merged, compared. */
import type { JsonValue } from '@inner-universe/nerv/values';
import { settingOf } from '../access/settings.ts';
import { refuse } from '../refusals/refused.ts';
import type { CreateEntityOp, CreateRelationOp, UpdateEntityOp, UpdateRelationOp } from '../schema/op-types.ts';
import type { EntityRow, RelationRow } from '../schema/rows.ts';
import {
  checkDescription,
  checkEncoding,
  checkId,
  checkName,
  checkObjectValue,
  checkTags,
  checkValidity,
  parseJson,
} from '../values/checks.ts';
import { isSameTime } from '../values/library-values.ts';
import { tryCanonical } from '../values/text.ts';
import { referToChunks } from './chunks.ts';
import type { Work } from './work.ts';

/** What a caller can set of an entity or a relation, checked. */
export type GraphFields = Pick<
  EntityRow,
  'name' | 'description' | 'tags' | 'properties' | 'propertiesEncoding' | 'validFrom' | 'validTo'
>;

type Row = EntityRow | RelationRow;

/** The fields of a new entity or relation. */
export function checkNewFields(op: CreateEntityOp | CreateRelationOp): GraphFields {
  const propertiesEncoding = checkEncoding(op.propertiesEncoding);
  const properties = op.properties === '' ? '{}' : op.properties;
  checkObjectValue(properties, propertiesEncoding, 'properties');
  checkValidity(op.validFrom, op.validTo);
  return {
    name: checkName(op.name),
    description: checkDescription(op.description),
    tags: op.tags.length === 0 ? [] : checkTags(op.tags),
    properties,
    propertiesEncoding,
    validFrom: op.validFrom,
    validTo: op.validTo,
  };
}

/** The fields of a row after an update that names some of them. */
export function mergeFields(row: Row, op: UpdateEntityOp | UpdateRelationOp): GraphFields {
  const validFrom = op.validFrom ?? (op.clearValidity ? undefined : row.validFrom);
  const validTo = op.validTo ?? (op.clearValidity ? undefined : row.validTo);
  checkValidity(validFrom, validTo);
  return {
    name: op.name === undefined ? row.name : checkName(op.name),
    description: op.description === undefined ? row.description : checkDescription(op.description),
    tags: op.tags === undefined ? row.tags : checkTags(op.tags),
    ...mergeProperties(row, op),
    validFrom,
    validTo,
  };
}

/** The names of the shared fields in which two values differ. */
export function changedFields(before: GraphFields, after: GraphFields): string[] {
  const changed: string[] = [];
  if (before.name !== after.name) changed.push('name');
  if (before.description !== after.description) changed.push('description');
  if (!isSameList(before.tags, after.tags)) changed.push('tags');
  if (before.properties !== after.properties || before.propertiesEncoding !== after.propertiesEncoding) {
    changed.push('properties');
  }
  if (!isSameTime(before.validFrom, after.validFrom)) changed.push('valid_from');
  if (!isSameTime(before.validTo, after.validTo)) changed.push('valid_to');
  return changed;
}

/** Notes that a row with these fields refers to what lies in chunks. */
export function referToFieldChunks(work: Work, scope: string, fields: GraphFields): void {
  if (fields.propertiesEncoding !== 'chunks/1') return;
  referToChunks(work, scope, [fields.properties, fields.propertiesEncoding]);
}

/** Whether the past of this type is kept. If not, it is noted that a change of it, the one of this `seq`, is not. */
export function keepsHistory(work: Work, kind: 'entity' | 'relation', type: string, seq: bigint): boolean {
  const history = work.settings.get('history');
  if ((settingOf(history, type) ?? history['*'] ?? 'full') === 'full') return true;
  const gapKey = `${kind}:${type}`;
  const row = { gapKey, ownerKind: kind, ownerType: type, seq, recordedAt: work.now };
  const known = work.db.historyGap.gapKey.find(gapKey);
  if (known === null) work.db.historyGap.insert(row);
  else if (known.seq !== seq) work.db.historyGap.gapKey.update(row);
  return false;
}

function mergeProperties(
  row: Row,
  op: UpdateEntityOp | UpdateRelationOp,
): Pick<Row, 'properties' | 'propertiesEncoding'> {
  const patched = op.propertiesSet !== undefined || op.propertiesRemoved.length > 0;
  if (op.properties !== undefined) {
    if (patched)
      refuse('value/malformed', 'Replace the properties or change some of them, not both.', { ids: [op.id] });
    const propertiesEncoding = checkEncoding(op.propertiesEncoding ?? '');
    const properties = op.properties === '' ? '{}' : op.properties;
    checkObjectValue(properties, propertiesEncoding, 'properties');
    return { properties, propertiesEncoding };
  }
  if (!patched) return { properties: row.properties, propertiesEncoding: row.propertiesEncoding };
  if (row.propertiesEncoding !== 'json/1') {
    refuse(
      'value/malformed',
      `The properties are stored as ${row.propertiesEncoding}; they can only be replaced whole.`,
      {
        ids: [op.id],
      },
    );
  }
  const merged = { ...parseObject(row.properties), ...parseObject(op.propertiesSet ?? '{}') };
  for (const key of op.propertiesRemoved) delete merged[key];
  const properties = tryCanonical(merged);
  if (properties === undefined) {
    refuse(
      'value/malformed',
      'The properties hold what JSON has no form for: too deep, too great, or half a character.',
      {
        ids: [op.id],
      },
    );
  }
  checkObjectValue(properties, 'json/1', 'properties');
  return { properties, propertiesEncoding: 'json/1' };
}

function parseObject(text: string): Record<string, JsonValue> {
  checkObjectValue(text, 'json/1', 'properties');
  // The check above has seen that the text is a JSON object.
  return parseJson(text, 'properties') as Record<string, JsonValue>;
}

function isSameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((member, index) => member === right[index]);
}

/** Checks an entity or relation type. */
export function checkGraphType(type: string, what: string): string {
  return checkId(type, what);
}
