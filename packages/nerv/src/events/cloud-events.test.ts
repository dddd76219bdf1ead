import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CloudEvent } from './cloud-event.ts';
import { parseCloudEvent } from './cloud-event.ts';
import {
  CLOUD_EVENT_MEDIA_TYPE,
  fromBinaryMessage,
  fromStructuredText,
  toBinaryMessage,
  toStructuredText,
} from './cloud-event-messages.ts';
import { fromCloudEvent, toCloudEvent } from './cloud-events.ts';
import type { IncomingEvent, NervEvent } from './event.ts';
import { makeIncomingEvent } from './incoming-event.ts';

const now = (): number => 1_700_000_000_000;
const minimal = {
  specversion: '1.0',
  id: 'A234-1234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
};
/** As the JSON format's specification shows one. */
const example: CloudEvent = {
  ...minimal,
  specversion: '1.0',
  source: 'https://github.com/cloudevents/spec/pull',
  subject: '123',
  time: '2018-04-05T17:31:00Z',
  comexampleextension1: 'value',
  comexampleothervalue: 5,
  datacontenttype: 'text/xml',
  data: '<much wow="xml"/>',
};

const eventOf = (incoming: Partial<IncomingEvent>): NervEvent =>
  makeIncomingEvent({ id: 'e', type: 'order.placed', data: undefined, timestamp: 0, ...incoming });

const leaf = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array(),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('any')),
    fc.dictionary(fc.string(), tie('any'), { noNullPrototype: true }),
  ),
})).any;
const nervEvent = fc
  .record({
    id: fc.constantFrom('e', 'git:a b/ü', '01'),
    type: fc.constantFrom('order.placed', 'ENTITY_CREATED', 'größe.日本'),
    data: fc.oneof(value, fc.constant(undefined)),
    timestamp: fc.oneof(fc.integer({ min: 0, max: 4e12 }), fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true })),
    source: fc.oneof(fc.constantFrom('shop', '/', '', '/a?b=%41', '100%', 'ein Laden', '日本', undefined)),
    kind: fc.constantFrom('application' as const, 'system' as const),
    seq: fc.option(fc.nat(), { nil: undefined }),
    pending: fc.boolean(),
    metadata: fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          'correlationId',
          'correlationid',
          'causationId',
          'traceparent',
          'subject',
          'id',
          'data',
          'time',
        ),
        fc.constantFrom(
          'datacontenttype',
          'dataschema',
          'nervrest',
          'nervtypes',
          'cloudEventTime',
          'specversion',
          'a1',
        ),
        fc.string(),
      ),
      fc.oneof(value, fc.constantFrom('text/plain', 'urn:x:y', '2020-01-01T00:00:00Z', 'v')),
      { noNullPrototype: true },
    ),
  })
  .map(makeIncomingEvent);

describe('an event of NERV as a CloudEvent', () => {
  test('has the attributes that others read', () => {
    const metadata = {
      correlationId: 'c',
      causationId: 'd',
      traceparent: '00-a',
      subject: 'cart',
      attempt: 2,
      Own: [1],
    };
    const timestamp = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    const event = eventOf({ data: { total: 5 }, source: 'shop/1', timestamp, metadata });
    expect(toCloudEvent(event)).toEqual({
      specversion: '1.0',
      id: 'e',
      source: 'shop/1',
      type: 'order.placed',
      time: '2026-01-02T03:04:05.006Z',
      correlationid: 'c',
      causationid: 'd',
      traceparent: '00-a',
      subject: 'cart',
      attempt: 2,
      nervrest: '{"metadata":{"Own":[1]}}',
      data: { total: 5 },
    });
  });

  test('says nothing more if nothing is left over; bytes are base64, and no source is the root', () => {
    expect(toCloudEvent(eventOf({ source: 'shop' }))).not.toHaveProperty('nervrest');
    expect(toCloudEvent(eventOf({ data: new Uint8Array([1, 2, 3]) }))).toMatchObject({
      data_base64: 'AQID',
      source: '/',
    });
    expect(toCloudEvent(eventOf({ source: 'ein Laden' })).source).toBe('ein%20Laden');
  });

  test('comes back as it was, as an object, as text and as a message, and is valid on its way', () => {
    const typesTaken = (event: NervEvent): boolean => 'nervtypes' in event.metadata;
    fc.assert(
      fc.property(nervEvent, (event) => {
        const cloud = toCloudEvent(event);
        expect(parseCloudEvent(cloud)).toEqual(cloud);
        // What was given a time that is no time of its own keeps none; see below.
        if (event.metadata['cloudEventTime'] === null) return;
        const ways = [cloud, fromStructuredText(toStructuredText(cloud))];
        if (!typesTaken(event)) ways.push(fromBinaryMessage(toBinaryMessage(cloud)));
        for (const way of ways) expect(makeIncomingEvent(fromCloudEvent(way, now))).toStrictEqual(event);
      }),
      { numRuns: 500 },
    );
  });

  test('of what no codec takes is refused', () => {
    expect(() => toCloudEvent(eventOf({ data: () => 1 }))).toThrow(
      expect.objectContaining({ code: 'value/unsupported' }),
    );
    expect(() => toCloudEvent(eventOf({ source: '\ud800' }))).toThrow(
      expect.objectContaining({ code: 'value/unsupported' }),
    );
  });
});

describe('a CloudEvent of others as an event', () => {
  test('has its attributes in the metadata', () => {
    expect(fromCloudEvent(example, now)).toEqual({
      id: 'A234-1234-1234',
      type: 'com.example.someevent',
      kind: undefined,
      data: '<much wow="xml"/>',
      timestamp: Date.UTC(2018, 3, 5, 17, 31),
      source: 'https://github.com/cloudevents/spec/pull',
      metadata: {
        subject: '123',
        comexampleextension1: 'value',
        comexampleothervalue: 5,
        datacontenttype: 'text/xml',
        cloudEventTime: '2018-04-05T17:31:00Z',
      },
      seq: undefined,
      pending: undefined,
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ['the example of the specification', { ...example }],
    ['the least', minimal],
    ['another time zone and finer time', { ...minimal, time: '1985-04-12T23:20:50.123456+05:30' }],
    ['a leap second', { ...minimal, time: '1990-12-31T23:59:60Z' }],
    ['a leap day', { ...minimal, time: '2000-02-29T00:00:00Z' }],
    ['lower case in the time', { ...minimal, time: '1985-04-12t23:20:50z' }],
    ['bytes', { ...minimal, datacontenttype: 'application/vnd.apache.thrift.binary', data_base64: 'AQID' }],
    ['bytes of JSON', { ...minimal, datacontenttype: 'application/json', data_base64: 'e30=' }],
    ['bytes of nothing known', { ...minimal, data_base64: '' }],
    [
      'JSON data',
      {
        ...minimal,
        datacontenttype: 'application/json; charset=utf-8',
        data: { $date: 'mine', a: [1, null] },
      },
    ],
    ['JSON data of another type', { ...minimal, datacontenttype: 'application/cloud+json', data: [1] }],
    ['JSON data that is a string', { ...minimal, data: 'text' }],
    ['JSON data that is null', { ...minimal, data: null }],
    ['an object said to be XML', { ...minimal, datacontenttype: 'text/xml', data: { a: 1 } }],
    ['text that is no text type', { ...minimal, datacontenttype: 'application/xml', data: '<ü/>' }],
    ['an empty text', { ...minimal, datacontenttype: 'text/plain', data: '' }],
    [
      'correlation, booleans and whole numbers',
      { ...minimal, correlationid: 'c', causationid: 'd', flag: true, no: -2 },
    ],
    ['text like numbers', { ...minimal, number: '5', flag: 'true' }],
    ['text that headers cannot hold', { ...minimal, subject: 'Euro € 😀 "100%" ok', empty: '' }],
    ['an extension named as one of ours', { ...minimal, cloudeventtime: 'x', dataschema: 'urn:a:b' }],
  ])('%s comes back as it was', (_, cloud) => {
    const parsed = parseCloudEvent(cloud);
    expect(parsed).toEqual(cloud);
    expect(fromStructuredText(toStructuredText(parsed))).toEqual(cloud);
    expect(fromBinaryMessage(toBinaryMessage(parsed))).toEqual(cloud);
    expect(toCloudEvent(makeIncomingEvent(fromCloudEvent(cloud, now)))).toEqual(cloud);
  });

  test('without a time is given one; attributes that are null are as if not there', () => {
    expect(fromCloudEvent({ ...minimal, subject: null, time: null }, now)).toMatchObject({
      timestamp: now(),
      metadata: { cloudEventTime: null },
    });
  });

  test.each<[string, unknown, string]>([
    ['no object', 7, ''],
    ['null', null, ''],
    ['a list', [], 'specversion'],
    ['no version', { ...minimal, specversion: undefined }, 'specversion'],
    ['another version', { ...minimal, specversion: '0.3' }, 'specversion'],
    ['no id', { ...minimal, id: undefined }, 'id'],
    ['an empty id', { ...minimal, id: '' }, 'id'],
    ['an id that is too long for NERV', { ...minimal, id: 'x'.repeat(129) }, 'id'],
    ['a number as id', { ...minimal, id: 7 }, 'id'],
    ['an empty source', { ...minimal, source: '' }, 'source'],
    ['a source that is no URI reference', { ...minimal, source: 'a b' }, 'source'],
    ['a source with a bad escape', { ...minimal, source: '/%zz' }, 'source'],
    ['an empty type', { ...minimal, type: '' }, 'type'],
    ['a type that NERV has no room for', { ...minimal, type: 'my type' }, 'type'],
    ['a time that is none', { ...minimal, time: '2018-13-05T17:31:00Z' }, 'time'],
    ['a day that is none', { ...minimal, time: '2021-02-29T17:31:00Z' }, 'time'],
    ['a time without a zone', { ...minimal, time: '2018-04-05T17:31:00' }, 'time'],
    ['an empty subject', { ...minimal, subject: '' }, 'subject'],
    ['a relative schema', { ...minimal, dataschema: '/schema' }, 'dataschema'],
    ['a media type that is none', { ...minimal, datacontenttype: 'json' }, 'datacontenttype'],
    ['an attribute in upper case', { ...minimal, subjectId: 'x' }, 'subjectId'],
    ['an attribute with a dash', { ...minimal, 'subject-id': 'x' }, 'subject-id'],
    ['an object as attribute', { ...minimal, ext: {} }, 'ext'],
    ['a fraction as attribute', { ...minimal, ext: 1.5 }, 'ext'],
    ['a number of more than 32 bits', { ...minimal, ext: 2 ** 31 }, 'ext'],
    ['a control character', { ...minimal, ext: 'a\u0007' }, 'ext'],
    ['half a surrogate pair', { ...minimal, ext: '\ud800' }, 'ext'],
    ['data twice', { ...minimal, data: 1, data_base64: 'AQID' }, 'data_base64'],
    ['base64 that is none', { ...minimal, data_base64: 'A' }, 'data_base64'],
    ['base64 that is no text', { ...minimal, data_base64: 7 }, 'data_base64'],
    ['a rest that is no text', { ...minimal, nervrest: 7 }, 'nervrest'],
    ['a rest that is no JSON', { ...minimal, nervrest: 'x' }, 'nervrest'],
    ['a rest that is no object', { ...minimal, nervrest: '7' }, 'nervrest'],
    ['a rest with what is not ours', { ...minimal, nervrest: '{"constructor":1}' }, 'nervrest'],
    ['a rest with a wrong member', { ...minimal, nervrest: '{"seq":"1"}' }, 'nervrest'],
  ])('%s is refused by name', (_, cloud, attribute) => {
    expect(() => fromCloudEvent(cloud, now)).toThrow(
      expect.objectContaining({ code: 'event/invalid', details: { attribute } }),
    );
  });

  test('members of prototypes are neither attributes nor dangerous', () => {
    const cloud = fromStructuredText(JSON.stringify({ ...minimal, data: { a: 1 } }).replace('"a"', '"__proto__"'));
    expect(Object.getPrototypeOf(cloud.data)).toBe(Object.prototype);
    expect(() => parseCloudEvent(JSON.parse('{"__proto__":{"id":"x"}}'))).toThrow(
      expect.objectContaining({ details: { attribute: '__proto__' } }),
    );
  });
});

describe('messages', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  test('binary mode is as the protocol binding says', () => {
    const cloud = parseCloudEvent({ ...minimal, subject: 'Euro € 😀', data: { a: 1 } });
    expect(toBinaryMessage(cloud)).toEqual({
      headers: {
        'ce-specversion': '1.0',
        'ce-id': 'A234-1234-1234',
        'ce-source': '/mycontext',
        'ce-type': 'com.example.someevent',
        'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
        'content-type': 'application/json',
        'ce-nervtypes': 'datacontenttype:absent',
      },
      body: bytes('{"a":1}'),
    });
    expect(CLOUD_EVENT_MEDIA_TYPE).toBe('application/cloudevents+json');
  });

  test('messages of others are read by their media type, headers in any case', () => {
    const headers = {
      'CE-SpecVersion': '1.0',
      'Ce-Id': 'x',
      'ce-source': '/',
      'ce-type': 't',
      'ce-a': '%e2%82%ac',
      host: 'h',
    };
    const read = (contentType: string | undefined, body: Uint8Array | undefined): unknown =>
      fromBinaryMessage({
        headers: contentType === undefined ? headers : { ...headers, 'Content-Type': contentType },
        body,
      });
    const event = { specversion: '1.0', id: 'x', source: '/', type: 't', a: '€' };
    expect(read(undefined, undefined)).toEqual(event);
    expect(read('application/json', bytes('[1]'))).toEqual({
      ...event,
      datacontenttype: 'application/json',
      data: [1],
    });
    expect(read('text/plain', bytes('hi'))).toEqual({
      ...event,
      datacontenttype: 'text/plain',
      data: 'hi',
    });
    expect(read('image/png', bytes('hi'))).toMatchObject({ data_base64: 'aGk=' });
    expect(read(undefined, bytes('hi'))).toEqual({ ...event, data_base64: 'aGk=' });
    expect(read('application/json', bytes(''))).toEqual({
      ...event,
      datacontenttype: 'application/json',
    });
  });

  test.each<[string, () => unknown, string]>([
    ['text that is not UTF-8', () => message({ 'content-type': 'text/plain' }, new Uint8Array([0xff])), 'data'],
    ['a header that is not UTF-8', () => message({ 'ce-a': '%ff' }, undefined), 'a'],
    ['an attribute named as a prototype', () => message({ ['ce-__proto__']: '1' }, undefined), '__proto__'],
    ['data as a header', () => message({ 'ce-data': '1' }, undefined), 'data'],
    ['no id', () => fromBinaryMessage({ headers: { 'ce-specversion': '1.0' }, body: undefined }), 'id'],
    ['our own name', () => toBinaryMessage(parseCloudEvent({ ...minimal, nervtypes: 'x' })), 'nervtypes'],
    ['base64 that is none', () => toBinaryMessage(parseCloudEvent({ ...minimal, data_base64: 'A' })), 'data_base64'],
  ])('%s is refused', (_, act, attribute) => {
    expect(act).toThrow(expect.objectContaining({ code: 'event/invalid', details: { attribute } }));
  });

  test('what is no JSON is refused', () => {
    expect(() => fromStructuredText('{')).toThrow(expect.objectContaining({ code: 'value/malformed' }));
    expect(() => message({ 'content-type': 'application/json' }, bytes('{'))).toThrow(
      expect.objectContaining({ code: 'value/malformed' }),
    );
  });

  function message(headers: Readonly<Record<string, string>>, body: Uint8Array | undefined): CloudEvent {
    return fromBinaryMessage({
      headers: {
        'ce-specversion': '1.0',
        'ce-id': 'x',
        'ce-source': '/',
        'ce-type': 't',
        ...headers,
      },
      body,
    });
  }
});
