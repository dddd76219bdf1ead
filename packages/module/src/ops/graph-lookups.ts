/** The side tables by which entities and relations are found: tags and declared properties. */
import type { JsonValue } from '@inner-universe/nerv/values';
import { settingOf, type Settings } from '../access/settings.ts';
import type { Db } from '../schema/database.ts';
import { isLongerThan, tryCanonical } from '../values/text.ts';

/** Property values longer than this, as canonical JSON, are not looked up by. */
export const MAX_INDEXED_VALUE_BYTES = 1_024;

/** Whose tags and properties: an entity or a relation as it is now. */
export interface LookupOwner {
  readonly kind: 'entity' | 'relation';
  readonly id: string;
  readonly type: string;
  readonly scope: string;
  readonly tags: readonly string[];
  readonly properties: string;
  readonly propertiesEncoding: string;
  readonly seq: bigint;
}

/** Adds the tags of a new owner. */
export function addTags(db: Db, owner: LookupOwner): void {
  for (const tag of owner.tags) {
    db.entityTag.insert({ tag, ownerId: owner.id, ownerKind: owner.kind, scope: owner.scope, seq: owner.seq });
  }
}

/** Brings the tags of a changed owner up to date; those that stay keep the `seq` at which they came. */
export function replaceTags(db: Db, owner: LookupOwner): void {
  const wanted = new Set(owner.tags);
  for (const row of [...db.entityTag.byOwner.filter([owner.id, owner.kind])]) {
    if (!wanted.delete(row.tag)) db.entityTag.delete(row);
  }
  addTags(db, { ...owner, tags: [...wanted] });
}

/** Adds the declared properties of a new owner. */
export function addProperties(db: Db, settings: Settings, owner: LookupOwner): void {
  for (const [propertyKey, value] of declaredProperties(settings, owner)) {
    db.entityProperty.insert({
      propertyKey,
      value,
      ownerId: owner.id,
      ownerKind: owner.kind,
      ownerType: owner.type,
      scope: owner.scope,
      seq: owner.seq,
    });
  }
}

/** Brings the declared properties of a changed owner up to date. */
export function replaceProperties(db: Db, settings: Settings, owner: LookupOwner): void {
  const wanted = new Map(declaredProperties(settings, owner));
  for (const row of [...db.entityProperty.byOwner.filter([owner.id, owner.kind])]) {
    if (wanted.get(row.propertyKey) === row.value && row.ownerType === owner.type) wanted.delete(row.propertyKey);
    else db.entityProperty.delete(row);
  }
  for (const [propertyKey, value] of wanted) {
    const { id: ownerId, kind: ownerKind, type: ownerType, scope, seq } = owner;
    db.entityProperty.insert({ propertyKey, value, ownerId, ownerKind, ownerType, scope, seq });
  }
}

/**
 * Takes a deleted owner out of the side tables, whatever is declared now: rows of keys that are declared no longer stay
 * until reindexing comes by, and it looks at owners that exist only.
 */
export function removeLookups(db: Db, owner: LookupOwner): void {
  if (owner.tags.length > 0) db.entityTag.byOwner.delete([owner.id, owner.kind]);
  db.entityProperty.byOwner.delete([owner.id, owner.kind]);
}

/** The property keys that the configuration declares for a type. */
export function declaredKeys(settings: Settings, type: string): readonly string[] {
  const indexes = settings.get('indexes');
  const own = settingOf(indexes, type) ?? [];
  const common = indexes['*'] ?? [];
  return common.length === 0 ? own : [...new Set([...own, ...common])];
}

function declaredProperties(settings: Settings, owner: LookupOwner): readonly (readonly [string, string])[] {
  const keys = declaredKeys(settings, owner.type);
  if (keys.length === 0 || owner.propertiesEncoding !== 'json/1') return [];
  const properties = tryParseObject(owner.properties);
  if (properties === undefined) return [];
  const declared: (readonly [string, string])[] = [];
  for (const key of keys) {
    if (!Object.hasOwn(properties, key)) continue;
    const value = tryCanonical(properties[key] ?? null);
    if (value !== undefined && !isLongerThan(value, MAX_INDEXED_VALUE_BYTES)) declared.push([key, value]);
  }
  return declared;
}

/** Long texts were stored unparsed, so they need be no JSON; those are not looked up by, and break nothing. */
function tryParseObject(text: string): Record<string, JsonValue> | undefined {
  try {
    // What begins with a brace, as stored properties do, parses to an object or not at all.
    return JSON.parse(text) as Record<string, JsonValue>;
  } catch {
    return undefined;
  }
}
