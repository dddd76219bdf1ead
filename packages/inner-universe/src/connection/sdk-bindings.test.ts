import { expect, test } from 'vitest';
import type { PublishEventOp } from '@inner-universe/module/wire';
import { DbConnection, type DbConnectionBuilder } from '../generated/module-bindings.ts';
import { EVENT_TABLES, makeConnectionBuilder, withTextBytes } from './sdk-bindings.ts';
import { TextBytes } from './text-bytes.ts';

const TIME = { __timestamp_micros_since_unix_epoch__: 1_700_000_000_000_000n };

function makeEvent(event: Partial<PublishEventOp>): object {
  const value = {
    eventId: '017f22e2-79b0-7000-8000-000000000000',
    eventType: 'order.placed',
    typeVersion: 1,
    scope: 'main',
    source: '',
    partitionKey: '',
    authoredAt: TIME,
    data: '{"n":1}',
    dataEncoding: 'json/1',
    metadata: '{}',
    metadataEncoding: 'json/1',
    durability: 'durable',
    ...event,
  };
  return { tag: 'PublishEvent', value };
}

/** What a connection with such bindings sends for a call of `apply`. */
async function sentBy(builder: DbConnectionBuilder, args: object): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = {
      protocol: 'v2.bsatn.spacetimedb',
      onopen: (): void => undefined,
      send: (payload: Uint8Array): void => resolve(payload.slice()),
      close: (): void => undefined,
    };
    const connection = builder
      .withUri('ws://nowhere')
      .withDatabaseName('none')
      .withWSFn(async () => {
        setTimeout(() => {
          socket.onopen();
          // Nobody answers.
          const { apply } = connection.reducers as unknown as { apply(given: object): Promise<void> };
          try {
            apply(args).catch(reject);
          } catch (error) {
            reject(error as Error);
          }
        });
        return socket as never;
      })
      .build();
  });
}

test('a request has the bytes that the generated bindings give it', async () => {
  const ops = [
    makeEvent({}),
    makeEvent({ eventType: 'größe.geändert', scope: 'büro', source: '😀', partitionKey: 'a'.repeat(200) }),
    makeEvent({ data: JSON.stringify('é'.repeat(90_000)), metadata: '{"by":"ada"}', authoredAt: undefined }),
  ];
  const args = { requestId: 'r', issuedAt: TIME, consumer: undefined, ops };
  const plain = await sentBy(DbConnection.builder(), args);
  expect(plain.length).toBeGreaterThan(180_000);
  expect(await sentBy(makeConnectionBuilder(), withTextBytes(args, new TextBytes()))).toEqual(plain);
});

test('ops that are no events go as they are', () => {
  const op = { tag: 'TrimEvents', value: { upToSeq: 7n, digest: 'd' } };
  const args = withTextBytes({ requestId: 'r', ops: [op] }, new TextBytes()) as { readonly ops: readonly object[] };
  expect(args.ops[0]).toBe(op);
});

test('of the tables only the feed keeps nothing', () => {
  expect([...EVENT_TABLES]).toEqual(['eventFeed']);
});
