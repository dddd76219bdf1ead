/**
 * Cuts a name into words as the Rust crate `convert_case` 0.6 does by default: at `_`, `-` and space (which vanish), between
 * lower and upper case, between letters and digits, and before the last capital of an acronym that a word follows.
 */
export function splitWords(name: string): string[] {
  const characters = Array.from(name);
  const words: string[] = [];
  let word = '';
  for (const [index, character] of characters.entries()) {
    if (DELIMITER.test(character)) {
      words.push(word);
      word = '';
      continue;
    }
    word += character;
    const next = characters[index + 1];
    if (next !== undefined && isBoundary(character, next, characters[index + 2])) {
      words.push(word);
      word = '';
    }
  }
  words.push(word);
  return words.filter((text) => text !== '');
}

/** `playerID2x` to `player_id_2_x`. */
export function toSnakeCase(name: string): string {
  return splitWords(name)
    .map((word) => word.toLowerCase())
    .join('_');
}

/** `player_id` to `playerId`. */
export function toCamelCase(name: string): string {
  return splitWords(name)
    .map((word, index) => (index === 0 ? word.toLowerCase() : capitalize(word)))
    .join('');
}

/** `player_id` to `PlayerId`. */
export function toPascalCase(name: string): string {
  return splitWords(name).map(capitalize).join('');
}

const DELIMITER = /[_\- ]/;
const UPPER = /^\p{Uppercase}$/u;
const LOWER = /^\p{Lowercase}$/u;
const DIGIT = /^[0-9]$/;

function isBoundary(left: string, right: string, afterRight: string | undefined): boolean {
  if (UPPER.test(left)) {
    if (DIGIT.test(right)) return true;
    return UPPER.test(right) && afterRight !== undefined && LOWER.test(afterRight);
  }
  if (LOWER.test(left)) return UPPER.test(right) || DIGIT.test(right);
  return DIGIT.test(left) && (UPPER.test(right) || LOWER.test(right));
}

function capitalize(word: string): string {
  const [first = '', ...rest] = word;
  return first.toUpperCase() + rest.join('').toLowerCase();
}
