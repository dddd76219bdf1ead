/*
 * Canaries: texts that stand for a token, a key and data, in all the places where they may be. None of them may come out
 * of anything that a universe tells of itself.
 */
import { channel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startServer } from '../../test/forms.ts';
import { makeKeyWrapper, makeRandomKey } from '../encryption/key-wrapper.ts';
import { MemoryKeyStore } from '../encryption/key-store.ts';
import { openKeyRing } from '../encryption/key-ring.ts';
import { openUniverse } from '../open-universe.ts';
import { createTestUniverse } from '../testing/index.ts';
import { CHANNELS } from './diagnostics-channels.ts';
import { makeJsonLogger, type LogRecord } from './logger.ts';

const CANARY = 'canary7f3a';

let told: unknown[];
let exporter: InMemorySpanExporter;
const note = (message: unknown): void => void told.push(message);
const logger = {
  log: (record: LogRecord): void => {
    told.push(record);
    json.log(record);
  },
};
const line = (text: string): void => void told.push(text);
const json = makeJsonLogger({ debug: line, info: line, warn: line, error: line }, 'debug');

beforeEach(() => {
  told = [];
  exporter = new InMemorySpanExporter();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  for (const name of Object.keys(CHANNELS)) channel(name).subscribe(note);
});

afterEach(() => {
  for (const name of Object.keys(CHANNELS)) channel(name).unsubscribe(note);
  trace.disable();
  context.disable();
});

/** Everything that was told, by whatever way, as somebody would see it who prints it whole. */
function everything(metricsText: string): string {
  const spans = exporter.getFinishedSpans().map(({ name, attributes, events, status, links }) => {
    return { name, attributes, events, status, links };
  });
  return inspect([told, spans, metricsText], { depth: 12, maxArrayLength: null, maxStringLength: null });
}

test('data of events, states and entities stay out of logs, spans, metrics and channels, whatever goes wrong', async () => {
  const testUniverse = await createTestUniverse({ logger });
  try {
    const { universe } = testUniverse;
    const sensor = await testUniverse.as('sensor', [{ action: 'publish', resource: 'event:sensor.**' }]);
    const data = { note: CANARY, [`key-${CANARY}`]: 1 };
    await universe.events.publish('note.written', data, { metadata: { said: CANARY } });
    await expect(sensor.events.publish('note.written', data)).rejects.toThrow();
    await expect(universe.events.publish('note.written', { f: () => CANARY })).rejects.toThrow();
    await universe.graph.createEntity('person', { id: 'ada', name: CANARY, properties: { name: CANARY } });
    await expect(universe.graph.createEntity('person', { id: 'ada', properties: { name: CANARY } })).rejects.toThrow();
    testUniverse.network.dropAt('to-client');
    await universe.events.publish('note.written', data);
    universe.events.subscribe('note.*', () => {
      JSON.parse(CANARY);
    });
    await universe.events.publish('note.written', data);
    await testUniverse.settle();
    expect(testUniverse.takeErrors()).toHaveLength(1);
    // What the application throws is handed on as it is, apart from all else.
    const errors = told.filter((one) => (one as LogRecord).error !== undefined);
    expect(errors).toHaveLength(1);
    told = told.map((one) => (typeof one === 'string' ? one : { ...(one as object), error: undefined }));
    const text = everything(universe.metrics.toPrometheus());
    expect(text).toContain('note.written');
    expect(text).not.toContain(CANARY);
  } finally {
    await testUniverse.close();
  }
});

test('tokens stay out, also where they are wrong', async () => {
  const server = await startServer();
  const { universe: served } = server;
  try {
    const { token } = await (served.controller.host?.tokens.issue() ?? Promise.reject(new Error('no host')));
    const bad = `${token.slice(0, -CANARY.length)}${CANARY}`;
    const open = (given: string) => openUniverse({ server: server.address, token: given, logger, reconnectForMs: 0 });
    for (const given of [bad, CANARY]) {
      const error: unknown = await open(given).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'connection/unauthorized' });
      told.push(error);
    }
    const universe = await open(server.ownerToken);
    await universe.events.publish('a.b', 1);
    await universe.close();
    const text = everything(universe.metrics.toPrometheus());
    for (const secret of [CANARY, bad, server.ownerToken]) expect(text).not.toContain(secret);
    expect(told.length).toBeGreaterThan(2);
  } finally {
    await server.close();
  }
});

test('keys, and what they seal, stay out, also where they do not fit', async () => {
  const secret = makeRandomKey();
  const wrapper = await makeKeyWrapper({ active: 'k', keys: { k: secret } });
  const keyRing = await openKeyRing({ store: new MemoryKeyStore(), wrapper });
  const encryption = { keyRing, events: { 'letter.sent': true as const } };
  const universe = await openUniverse({ memory: true, logger, encryption });
  try {
    await universe.events.publish('letter.sent', { text: CANARY });
    await universe.events.query({ pattern: 'letter.sent' });
  } finally {
    await universe.close();
  }
  const text = everything(universe.metrics.toPrometheus());
  expect(text).not.toContain(CANARY);
  expect(text).not.toContain(Buffer.from(secret).toString('base64'));
});
