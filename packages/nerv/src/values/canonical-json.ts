import { NervError } from '../errors.ts';
import { compareKeys, hasLoneSurrogate, type JsonValue } from './json.ts';

/** Levels of JSON; a Map of the value codec takes three of them. */
const JSON_DEPTH_LIMIT = 1024;

/**
 * JSON as RFC 8785 writes it: no white space, keys in the order of their UTF-16 code units, numbers and strings as
 * ECMAScript prints them. Equal values give equal text.
 * @throws `value/unsupported` for what JSON cannot hold, `value/too-deep` beyond 1,024 levels
 */
export function canonicalJson(json: JsonValue): string {
  return write(json, 0);
}

function write(json: JsonValue, depth: number): string {
  if (typeof json === 'string') return writeString(json);
  if (typeof json === 'number') return writeNumber(json);
  if (typeof json === 'boolean') return json ? 'true' : 'false';
  if (json === null) return 'null';
  if (typeof json !== 'object') {
    throw new NervError('value/unsupported', `JSON cannot hold ${typeof json}. Encode the value first.`);
  }
  if (depth >= JSON_DEPTH_LIMIT) {
    throw new NervError('value/too-deep', `The value nests deeper than ${JSON_DEPTH_LIMIT} levels. Flatten it.`, {
      details: { limit: JSON_DEPTH_LIMIT },
    });
  }
  if (isJsonArray(json)) return `[${json.map((element) => write(element, depth + 1)).join(',')}]`;
  let text = '';
  for (const key of Object.keys(json).sort(compareKeys)) {
    const value = json[key];
    if (value === undefined) {
      throw new NervError('value/unsupported', `JSON cannot hold undefined (key '${key}'). Encode the value first.`);
    }
    text += `${text === '' ? '' : ','}${writeString(key)}:${write(value, depth + 1)}`;
  }
  return `{${text}}`;
}

function writeString(text: string): string {
  if (hasLoneSurrogate(text)) {
    throw new NervError('value/unsupported', `${JSON.stringify(text)} has a lone surrogate, which UTF-8 cannot hold.`);
  }
  return JSON.stringify(text);
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new NervError('value/unsupported', `JSON cannot hold ${value}. Encode the value first.`);
  }
  return String(value);
}

/** `Array.isArray` does not narrow readonly arrays. */
function isJsonArray(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}
