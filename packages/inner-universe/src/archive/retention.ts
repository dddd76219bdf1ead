import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { checkOptions } from '../controller/check-options.ts';
import { NervPersistenceError } from '../errors.ts';

/** What a log keeps. A row leaves it when it is beyond one of these; absent is without limit. */
export interface RetentionLimits {
  /** By the time it was recorded, in milliseconds. */
  readonly maxAgeMs?: number | undefined;
  /** Rows of the log: events, and records of the module. */
  readonly maxEvents?: number | undefined;
}

/** The limits that the setting `retention` states; undefined where it states none. For the owner and `configure`. */
export async function readRetention(
  client: ModuleClient,
  call: CallOptions = {},
): Promise<RetentionLimits | undefined> {
  const { settings } = await client.read('readConfiguration', {}, call);
  const row = settings.find(({ key }) => key === 'retention');
  if (row === undefined) return undefined;
  // The module checked its form when it was set.
  const { maxAgeSeconds, maxEvents } = JSON.parse(row.value) as { maxAgeSeconds?: number; maxEvents?: number };
  return checkLimits({ maxAgeMs: maxAgeSeconds === undefined ? undefined : maxAgeSeconds * 1000, maxEvents });
}

/** The limits, or undefined where there are none. @throws {NervPersistenceError} `config/invalid` */
export function checkLimits(limits: RetentionLimits): RetentionLimits | undefined {
  checkOptions('the limits of a log', limits, { maxAgeMs: 'any', maxEvents: 'any' });
  for (const [name, value] of Object.entries(limits) as readonly [string, number | undefined][]) {
    if (value === undefined || (Number.isFinite(value) && value >= 0)) continue;
    throw new NervPersistenceError('config/invalid', `The limit ${name} is ${value}; it takes a number from 0.`, {
      details: { [name]: value },
    });
  }
  const { maxAgeMs, maxEvents } = limits;
  if (maxAgeMs === undefined && maxEvents === undefined) return undefined;
  return { maxAgeMs, maxEvents: maxEvents === undefined ? undefined : Math.ceil(maxEvents) };
}
