/** Spelling of canonical names in TypeScript, as the official bindings have it. */

/** `player_id` to `playerId`: the name of a column, parameter, reducer or procedure. */
export function toCamelCase(name: string): string {
  const joined = name.replace(/[-_]+/g, '_').replace(/_([a-zA-Z0-9])/g, (_match, next: string) => next.toUpperCase());
  return joined.charAt(0).toLowerCase() + joined.slice(1);
}

/** `publish_event` and `publishEvent` to `PublishEvent`: the name of a type or of an enum's variant. */
export function toPascalCase(name: string): string {
  const camel = toCamelCase(name);
  return camel.charAt(0).toUpperCase() + camel.slice(1);
}

/**
 * Spells the members of one object literal, each in another way: the SDK reads them in the order of the wire, by their
 * keys. A spelling that is taken, or that is no identifier (JavaScript would move a key like `1` to the front), gives
 * way to the name as it is; where that is taken too, to one with a number.
 */
export function spellMembers(names: readonly string[], spell: (name: string) => string): string[] {
  // What needs no other spelling has the first right to it.
  const taken = new Set(names.filter((name) => spell(name) === name));
  return names.map((name) => {
    const spelled = spell(name);
    if (spelled === name) return name;
    let member = taken.has(spelled) || !IDENTIFIER.test(spelled) ? name : spelled;
    for (let number = 2; taken.has(member); number += 1) member = `${name}_${number}`;
    taken.add(member);
    return member;
  });
}

/** A property name as it stands in an object literal. */
export function toPropertyKey(name: string): string {
  // Written plainly it would set the prototype.
  if (name === '__proto__') return `['__proto__']`;
  return IDENTIFIER.test(name) ? name : quote(name);
}

/** Access to a property: `.name`, or `['lib.name']` where it is no identifier. */
export function toPropertyAccess(name: string): string {
  return IDENTIFIER.test(name) ? `.${name}` : `[${quote(name)}]`;
}

/** A string literal. */
export function quote(text: string): string {
  const json = JSON.stringify(text);
  return json.includes(`'`) || json.includes('\\') ? json : `'${json.slice(1, -1)}'`;
}

const IDENTIFIER = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u;
