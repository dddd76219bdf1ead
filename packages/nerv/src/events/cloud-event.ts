// CloudEvents 1.0 (https://github.com/cloudevents/spec, version 1.0.2): the attributes and their rules.

import { NervError } from '../errors.ts';

/**
 * An event in the JSON format. All further members are extension attributes: strings (also for URIs, times and bytes),
 * booleans, and whole numbers of 32 bits.
 */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time?: string | undefined;
  readonly datacontenttype?: string | undefined;
  readonly dataschema?: string | undefined;
  readonly subject?: string | undefined;
  /** Any JSON value. */
  readonly data?: unknown;
  /** Bytes in base64, in place of `data`. */
  readonly data_base64?: string | undefined;
  readonly [extension: string]: unknown;
}

const NAME = /^[a-z0-9]+$/;
const TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
const URI_REFERENCE = /^[\w\-.~:/?#[\]@!$&'()*+,;=%]+$/;
const URI_SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+([ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=([\w!#$%&'*+.^`|~-]+|"[^"]*"))*$/;
// The control characters and noncharacters that a string attribute must not hold, and half surrogates.
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\ufdd0-\ufdef\ufffe\uffff\p{Cs}]/u;

/** Whether the text may name an attribute. */
export function isAttributeName(name: string): boolean {
  return NAME.test(name);
}

/** Whether the text is a URI reference that is not empty, as far as its characters tell. */
export function isUriReference(text: string): boolean {
  return URI_REFERENCE.test(text) && !BAD_ESCAPE.test(text);
}

/** Whether the text is a time as RFC 3339 writes it, of a day that there is. */
function isTime(text: string): boolean {
  const [year, month, day] = text.slice(0, 10).split('-').map(Number);
  // A Date counts days beyond the month's last into the next.
  return (
    TIME.test(text) && new Date(Date.UTC(2000 + (Number(year) % 400), Number(month) - 1, day)).getUTCDate() === day
  );
}

/** Says what is wrong with the value of an attribute; undefined if nothing is. */
export function attributeFault(name: string, value: unknown): string | undefined {
  const rule = RULES.get(name);
  if (rule !== undefined)
    return typeof value === 'string' && !FORBIDDEN.test(value) && rule.test(value) ? undefined : rule.text;
  const isValue =
    (typeof value === 'string' && !FORBIDDEN.test(value)) ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Object.is(value | 0, value));
  return isValue ? undefined : 'it must be a string without control characters, a boolean or a whole number of 32 bits';
}

/**
 * Checks what came from elsewhere; attributes that are null are as if not there.
 * @throws NervError `event/invalid`, whose `details.attribute` names what is wrong
 */
export function parseCloudEvent(input: unknown): CloudEvent {
  if (typeof input !== 'object' || input === null) throw invalidAttribute('', 'a CloudEvent is an object');
  const members = Object.entries(input).filter(
    ([name, value]) => value !== undefined && (name === 'data' || value !== null),
  );
  // A null prototype has no members of its own that could be taken for attributes.
  const event: Record<string, unknown> = Object.assign(Object.create(null), Object.fromEntries(members));
  for (const [name, value] of members) {
    if (name === 'data') continue;
    if (name !== 'data_base64' && !isAttributeName(name)) throw invalidAttribute(name, 'names are of a-z and 0-9');
    const fault = attributeFault(name, value);
    if (fault !== undefined) throw invalidAttribute(name, fault);
  }
  for (const name of ['specversion', 'id', 'source', 'type']) {
    if (event[name] === undefined) throw invalidAttribute(name, 'it is required');
  }
  if ('data' in event && 'data_base64' in event) throw invalidAttribute('data_base64', 'there is data already');
  // Each member has just been checked.
  return { ...event } as unknown as CloudEvent;
}

interface AttributeRule {
  readonly test: (value: string) => boolean;
  readonly text: string;
}

const NOT_EMPTY: AttributeRule = { test: (value) => value !== '', text: 'it must not be empty' };
const RULES: ReadonlyMap<string, AttributeRule> = new Map([
  ['specversion', { test: (value) => value === '1.0', text: "only version '1.0' is known" }],
  ['id', NOT_EMPTY],
  ['source', { test: isUriReference, text: 'it must be a URI reference' }],
  ['type', NOT_EMPTY],
  ['time', { test: isTime, text: 'it must be a time as in RFC 3339' }],
  ['datacontenttype', { test: (value) => MEDIA_TYPE.test(value), text: 'it must be a media type' }],
  ['dataschema', { test: (value) => URI_SCHEME.test(value) && isUriReference(value), text: 'it must be a URI' }],
  ['subject', NOT_EMPTY],
]);

/** An error about one attribute of a CloudEvent. */
export function invalidAttribute(attribute: string, rule: string): NervError {
  return new NervError('event/invalid', `The CloudEvent's '${attribute}' is not valid: ${rule}.`, {
    details: { attribute },
  });
}
