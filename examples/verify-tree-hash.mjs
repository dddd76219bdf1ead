// Computes the `sha256-tree:` hash of a state from its JSON text, without any of NERV's code. See docs/tree-hash.md.
//
//     node examples/verify-tree-hash.mjs state.json      (or the text on standard input)
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const tag = (number) => Buffer.of(number);

// RFC 8785: keys by UTF-16 code units, everything else as JSON.stringify writes it.
const byCodeUnits = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
function canonical(json) {
  if (json === null || typeof json !== 'object') return JSON.stringify(json);
  if (Array.isArray(json)) return `[${json.map(canonical).join(',')}]`;
  const keys = Object.keys(json).sort(byCodeUnits);
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(json[key])}`).join(',')}}`;
}

// An object with a key that starts with one `$` stands for a Date, a bigint, ...: a leaf.
const isLeaf = (json) =>
  json === null || typeof json !== 'object' || Object.keys(json).some((key) => /^\$(?!\$)/.test(key));

function root(items) {
  for (let level = 0; items.length > 1; level += 1) {
    const chunks = [[]];
    for (const item of items) {
      const chunk = chunks.at(-1);
      chunk.push(item);
      if ((chunk.length >= 2 && item[0] < 16) || chunk.length === 256) chunks.push([]);
    }
    items = chunks.filter((chunk) => chunk.length > 0).map((chunk) => sha256(tag(2), tag(level), ...chunk));
  }
  return items[0] ?? Buffer.alloc(0);
}

function digest(json) {
  if (isLeaf(json)) return sha256(tag(0), canonical(json));
  const count = Buffer.alloc(8);
  const keys = Object.keys(json);
  count.writeBigUInt64BE(BigInt(keys.length));
  if (Array.isArray(json)) return sha256(tag(3), count, root(json.map(digest)));
  return sha256(tag(4), count, root(keys.sort(byCodeUnits).map((key) => sha256(tag(1), key, digest(json[key])))));
}

console.log(`sha256-tree:${digest(JSON.parse(readFileSync(process.argv[2] ?? 0, 'utf8'))).toString('hex')}`);
