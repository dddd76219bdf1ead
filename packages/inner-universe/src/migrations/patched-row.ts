import type { Entity, Properties, Relation, RelationPatch } from '@inner-universe/nerv';

/** A row as a patch leaves it, for the functions of later migrations; a patch that the graph refuses is not checked here. */
export function patchRow<R extends Entity | Relation>(row: R, patch: RelationPatch): R {
  const { properties: given, removeProperties = [], clearValidity = false, ...fields } = patch;
  const kept = Object.entries(row.properties).filter(([key]) => !removeProperties.includes(key));
  const properties: Record<string, unknown> = { ...Object.fromEntries(kept), ...given };
  const ground = clearValidity ? { ...row, validFrom: undefined, validTo: undefined } : row;
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  // What was read and what is given are both storable.
  const patched = { ...ground, ...Object.fromEntries(set), properties: Object.freeze(properties as Properties) };
  return Object.freeze(patched) as unknown as R; // the same fields, some with other values
}
