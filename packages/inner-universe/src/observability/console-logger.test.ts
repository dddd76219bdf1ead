import { expect, test } from 'vitest';
import { ConnectionError } from '../errors.ts';
import { makeConsoleLogger } from './console-logger.ts';
import type { LogRecord } from './logger.ts';

function makeBench(): { readonly lines: string[]; log(record: Partial<LogRecord>, atMs: number): void } {
  const lines: string[] = [];
  const write = (...parts: readonly unknown[]): void => {
    lines.push(parts.map((part) => (part instanceof Error ? (part.stack ?? '') : String(part))).join(' '));
  };
  const logger = makeConsoleLogger({ warn: write, error: write });
  const empty = { level: 'error', message: 'It failed.', fields: {} } as const;
  return {
    lines,
    log: (record, atMs) => logger.log({ ...empty, ...record, timestampMicros: BigInt(atMs) * 1_000n }),
  };
}

test('an error of ours is one line without a stack, with its fields', () => {
  const { lines, log } = makeBench();
  log({ error: new ConnectionError('connection/lost', 'It failed.'), fields: { code: 'connection/lost', seq: 7n } }, 0);
  expect(lines).toEqual(['inner-universe: It failed. {"code":"connection/lost","seq":"7"}']);
});

test('what is said again and again is said less and less often, with how often it was left out', () => {
  const { lines, log } = makeBench();
  for (let atMs = 0; atMs < 600_000; atMs += 100) log({}, atMs);
  expect(lines.length).toBeGreaterThan(10);
  expect(lines.length).toBeLessThan(20);
  const told = lines.map((line) => 1 + Number(/and (\d+) times more/.exec(line)?.[1] ?? 0));
  expect(told[1]).toBe(10);
  expect(told.at(-1)).toBe(600);
});

test('what was quiet for a while is said at once, and other things are said beside it', () => {
  const { lines, log } = makeBench();
  log({}, 0);
  log({}, 10);
  log({ message: 'Another.' }, 20);
  log({ level: 'warn' }, 30);
  log({}, 10_000);
  log({}, 10_900);
  log({}, 11_100);
  expect(lines.map((line) => line.replace('inner-universe: ', ''))).toEqual([
    'It failed. {}',
    'Another. {}',
    'It failed. {}',
    'It failed. (and 1 times more since it was last said) {}',
    'It failed. (and 1 times more since it was last said) {}',
  ]);
});

test('what others throw is written whole, each time; what is merely told is not written', () => {
  const { lines, log } = makeBench();
  for (const atMs of [0, 1]) log({ error: new TypeError('of a handler') }, atMs);
  log({ level: 'info' }, 2);
  log({ level: 'debug' }, 3);
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toContain('console-logger.test.ts');
});
