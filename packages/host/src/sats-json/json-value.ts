/** JSON as it was written: numbers keep their text, so that none is rounded. */
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** A number of a JSON text, by JSON's grammar. */
export interface JsonNumber {
  readonly digits: string;
}

/** Tells arrays from the other values: `Array.isArray` does not narrow readonly ones. */
export function isJsonArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Tells objects from the other values. */
export function isJsonObject(value: JsonValue): value is ReadonlyMap<string, JsonValue> {
  return value instanceof Map;
}

/** Tells numbers from the other values. */
export function isJsonNumber(value: JsonValue): value is JsonNumber {
  return typeof value === 'object' && value !== null && 'digits' in value;
}

/** A value as error texts name it, cut to a bearable length. */
export function describeJson(value: JsonValue): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string')
    return value.length > 40 ? `${JSON.stringify(value.slice(0, 40))}…` : JSON.stringify(value);
  if (isJsonArray(value)) return `an array of ${value.length}`;
  if (isJsonNumber(value)) return value.digits.length > 90 ? `${value.digits.slice(0, 90)}…` : value.digits;
  return `an object of ${value.size}`;
}
