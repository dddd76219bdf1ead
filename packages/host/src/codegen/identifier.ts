/** Spelling of canonical names in TypeScript, as the official bindings have it. */

/** `player_id` to `playerId`: the name of a column, parameter, table, reducer or procedure. */
export function toCamelCase(name: string): string {
  const joined = name.replace(/[-_]+/g, '_').replace(/_([a-zA-Z0-9])/g, (_match, next: string) => next.toUpperCase());
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}

/** `publish_event` and `publishEvent` to `PublishEvent`: the name of a type or of an enum's variant. */
export function toPascalCase(name: string): string {
  const camel = toCamelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/** A property name as it stands in an object literal. */
export function toPropertyKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name);
}

/** A string literal. */
export function quote(text: string): string {
  return /^[\w .-]*$/.test(text) ? `'${text}'` : JSON.stringify(text);
}
