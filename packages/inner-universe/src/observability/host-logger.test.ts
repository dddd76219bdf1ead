import { expect, test } from 'vitest';
import type { LogRecord as HostRecord } from '@inner-universe/host';
import { openUniverse } from '../open-universe.ts';
import { makeHostLogger } from './host-logger.ts';
import type { LogRecord } from './logger.ts';

const record = (fields: Partial<HostRecord>): HostRecord => ({
  level: 'warn',
  message: 'slow',
  timestampMicros: 7n,
  source: 'host',
  ...fields,
});

function logged(...records: HostRecord[]): readonly LogRecord[] {
  const found: LogRecord[] = [];
  const nobody = { log: () => expect.unreachable() };
  const logger = makeHostLogger({ log: (one) => void found.push(one) }, nobody);
  for (const one of records) logger.log(one);
  return found;
}

test('what the host logs reaches the logger, with its short and plain details', () => {
  const details = { elapsedMs: 12, kind: 'reducer', rows: [1] };
  expect(logged(record({ database: 'shop', functionName: 'apply', details }))).toEqual([
    {
      level: 'warn',
      message: 'slow',
      timestampMicros: 7n,
      fields: { from: 'host', database: 'shop', function: 'apply', elapsedMs: 12, kind: 'reducer' },
    },
  ]);
});

test('what a module logs stays in its own log, but for a panic', () => {
  const [first, ...others] = logged(
    record({ source: 'module', level: 'error' }),
    record({ source: 'module', level: 'panic', message: 'it broke' }),
  );
  expect([first?.level, first?.message, others]).toEqual(['error', 'it broke', []]);
});

test('the text of a query, which may hold data, is left out', () => {
  const sql = "SELECT * FROM person WHERE name = 'canary'";
  const message = `slow SQL statement: 12 ms, 3 rows looked at: ${sql} [scan of person where canary]`;
  const [shown] = logged(record({ message, details: { sql, plan: 'scan of person where canary', elapsedMs: 12 } }));
  expect(shown?.message).toBe('slow SQL statement: 12 ms, 3 rows looked at.');
  expect(JSON.stringify(shown?.fields)).not.toContain('canary');
});

test('an embedded universe hands its logger on to its host', async () => {
  const found: LogRecord[] = [];
  const universe = await openUniverse({
    memory: true,
    slowCallMs: 0,
    logger: { log: (one) => void found.push(one) },
  });
  await universe.close();
  expect(found).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      fields: expect.objectContaining({ from: 'host', function: 'read_scopes' }),
    }),
  );
});
