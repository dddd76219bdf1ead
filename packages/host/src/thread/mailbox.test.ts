import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mailbox } from './mailbox.ts';
import { fromWireError, toWireError } from './wire-error.ts';
import { HostError } from '../errors.ts';
import { SchemaError } from '../schema/schema-error.ts';
import { StorageError } from '../storage/storage-error.ts';

type Item = { readonly id: number; readonly bytes: Uint8Array };

test('what is posted arrives whole, in order, and in one message per turn', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 40 }), async (sizes) => {
      const { port1, port2 } = new MessageChannel();
      const arrived = new Promise<readonly Item[]>((resolve) => port2.once('message', resolve));
      const flushes: (() => void)[] = [];
      const mailbox = new Mailbox<Item>(port1, (flush) => flushes.push(flush));
      for (const [id, size] of sizes.entries()) {
        const half = size >> 1;
        const chunks = [new Uint8Array(half).fill(id), new Uint8Array(size - half).fill(id + 1)];
        mailbox.push({ id, bytes: mailbox.copy(chunks) });
      }
      expect(flushes).toHaveLength(1);
      flushes[0]!();
      const items = await arrived;
      expect(items.map(({ id, bytes }) => [id, bytes.length])).toEqual(sizes.map((size, id) => [id, size]));
      for (const { id, bytes } of items) {
        const half = bytes.length >> 1;
        expect(bytes.subarray(0, half).every((byte) => byte === id % 256)).toBe(true);
        expect(bytes.subarray(half).every((byte) => byte === (id + 1) % 256)).toBe(true);
      }
      port1.close();
    }),
    { numRuns: 30 },
  );
});

test('a batch that grows large leaves before the turn ends', () => {
  const posted: unknown[] = [];
  const mailbox = new Mailbox<Item>({ postMessage: (value) => void posted.push(value) }, () => undefined);
  for (let id = 0; id < 5; id++) mailbox.push({ id, bytes: mailbox.copy([new Uint8Array(1024 * 1024)]) });
  expect(posted).toHaveLength(1);
});

test('errors keep their class, code and details on their way between threads', () => {
  const details = { name: 'x', size: 1n, nested: { list: [new Error('inner')], call: () => 1 } };
  const wire = structuredClone(toWireError(new HostError({ code: 'host/closed', message: 'closed', details })));
  const error = fromWireError(wire);
  expect(error).toBeInstanceOf(HostError);
  expect(error).toMatchObject({ code: 'host/closed', message: 'closed', details: { name: 'x', size: 1n } });
  const full = new StorageError({ code: 'storage/write-failed', message: 'full', retryable: true });
  expect(fromWireError(structuredClone(toWireError(full)))).toBeInstanceOf(StorageError);
  expect(fromWireError(structuredClone(toWireError(full)))).toMatchObject({
    code: 'storage/write-failed',
    retryable: true,
  });
  const schema = new SchemaError([{ rule: 'r', message: 'm' }]);
  expect(fromWireError(structuredClone(toWireError(schema)))).toBeInstanceOf(SchemaError);
  expect(fromWireError(structuredClone(toWireError(schema)))).toMatchObject({
    problems: [{ rule: 'r', message: 'm' }],
  });
  expect(fromWireError(structuredClone(toWireError('thrown text')))).toMatchObject({ message: 'thrown text' });
});
