import { describe, expect, test } from 'vitest';
import type { LogRecord } from '../clock/clock.ts';
import { formatLogLine, tryParseLogLine } from './log-line.ts';

const record = (more: Partial<LogRecord>): LogRecord => ({
  level: 'info',
  message: 'hello',
  timestampMicros: 1_767_225_600_123_456n,
  source: 'module',
  ...more,
});

describe('a line', () => {
  test('of the module has its level, time, function and message, and nothing that is absent', () => {
    expect(JSON.parse(formatLogLine(record({ functionName: 'say' })))).toEqual({
      level: 'Info',
      ts: 1_767_225_600_123_456,
      function: 'say',
      message: 'hello',
    });
    expect(Object.keys(JSON.parse(formatLogLine(record({}))))).toEqual(['level', 'ts', 'message']);
  });

  test('of the host is marked as such', () => {
    expect(JSON.parse(formatLogLine(record({ source: 'host', functionName: 'say', level: 'warn' })))).toMatchObject({
      level: 'Warn',
      target: '__spacetimedb__',
      function: '__spacetimedb__',
    });
  });

  test('of a panic takes the frames off the message', () => {
    const message =
      'Error: first\nsecond line\n    at fail (spacetimedb_module:10:7)\n    at spacetimedb_module:20:3\n    at async run (x.ts:1:1)';
    expect(JSON.parse(formatLogLine(record({ level: 'panic', message })))).toMatchObject({
      level: 'Panic',
      message: 'Error: first\nsecond line',
      trace: [
        { module_name: 'spacetimedb_module:10:7', func_name: 'fail' },
        { module_name: 'spacetimedb_module:20:3', func_name: '<anonymous>' },
        { module_name: 'x.ts:1:1', func_name: 'async run' },
      ],
    });
    expect(JSON.parse(formatLogLine(record({ level: 'panic', message: 'no stack' })))).toMatchObject({
      message: 'no stack',
      trace: [],
    });
  });

  test('is one line whatever is said, and never without bounds', () => {
    const long = formatLogLine(record({ message: `a\nb\r\u2028"${'x'.repeat(1_000_000)}` }));
    expect(long).not.toContain('\n');
    expect(long.length).toBeLessThan(40_000);
    expect(JSON.parse(long).message).toMatch(/^a\nb.*cut: the message has 1000006 characters\)$/s);
    const deep = `boom\n${'    at f (m:1:1)\n'.repeat(10_000)}`;
    expect(JSON.parse(formatLogLine(record({ level: 'panic', message: deep }))).trace).toHaveLength(32);
  });

  test.each(['trace', 'debug', 'info', 'warn', 'error', 'panic'] as const)('of level %s is read back', (level) => {
    const written = record({ level, functionName: 'say', message: 'Error: x\n    at f (m:1:2)' });
    expect(tryParseLogLine(formatLogLine(written))).toEqual({
      level,
      timestampMicros: written.timestampMicros,
      source: 'module',
      functionName: 'say',
      message: level === 'panic' ? 'Error: x' : written.message,
      trace: level === 'panic' ? [{ moduleName: 'm:1:2', functionName: 'f' }] : [],
    });
  });

  test.each(['', '{"level":"Info","ts":1,"mess', 'null', '[]', '{}', '{"level":"Loud","ts":1,"message":"x"}'])(
    'that is none of ours is told: %s',
    (line) => {
      expect(tryParseLogLine(line)).toBeUndefined();
    },
  );
});
