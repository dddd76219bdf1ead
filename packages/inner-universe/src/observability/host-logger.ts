import type { Logger as HostLogger, LogRecord as HostRecord } from '@inner-universe/host';
import type { Logger, LogRecord } from './logger.ts';
import type { LogLevel } from './telemetry.ts';

const LEVELS: Readonly<Record<HostRecord['level'], LogLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  panic: 'error',
};

/**
 * What an embedded host logs to: the universe's logger, else `fallback`. What the module logs stays in the database's own
 * log, unless it is a panic: a refusal reaches its caller as an error, and printing it as well would say it twice.
 */
export function makeHostLogger(logger: Logger | undefined, fallback: HostLogger): HostLogger {
  return {
    log(record) {
      if (record.source !== 'host' && record.level !== 'panic') return;
      if (logger === undefined) fallback.log(record);
      else logger.log(toRecord(record));
    },
  };
}

const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'boolean']);

/** Of details only what is short and plain: texts of queries may hold data, and stay with the host. */
function toRecord({ level, message, timestampMicros, database, functionName, details = {} }: HostRecord): LogRecord {
  const { error, sql, plan: _plan, ...rest } = details;
  const plain = Object.entries(rest).filter(([, value]) => PLAIN.has(typeof value));
  const shown = typeof sql === 'string' ? withoutQuery(message, sql) : message;
  return {
    level: LEVELS[level],
    message: shown,
    timestampMicros,
    fields: { from: 'host', database, function: functionName, ...Object.fromEntries(plain) },
    ...(error === undefined ? {} : { error }),
  };
}

function withoutQuery(message: string, sql: string): string {
  const start = message.indexOf(sql);
  return start === -1 ? message : message.slice(0, start).replace(/: $/, '.');
}
