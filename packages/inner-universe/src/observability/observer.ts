import type { Clock } from '@inner-universe/nerv';
import { NervPersistenceError } from '../errors.ts';
import type { Logger } from './logger.ts';
import { makeTelemetry, type UniverseTelemetry } from './universe-telemetry.ts';

/** How what is measured is labelled. */
export interface MetricsOptions {
  /** Labels that every metric of this universe has, beside `database`: they tell several universes of a process apart. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** What a universe may be told of who watches it. */
export interface ObserverOptions {
  /**
   * Takes what is worth writing down, as plain records without secrets or data. Default: warnings and errors to the
   * console.
   */
  readonly logger?: Logger | undefined;
  /** `false`: nothing is measured. */
  readonly metrics?: MetricsOptions | false | undefined;
  /** Told what handlers throw and what goes wrong in the background; default: the logger, else the console. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** What a universe is watched with. */
export interface Observer {
  readonly telemetry: UniverseTelemetry;
  /** Counts and logs an error that nobody waited for, and tells who asked to be told. */
  readonly onError: (error: unknown) => void;
}

/** What an observer needs of the universe. */
export interface ObservedUniverse {
  readonly database: string;
  readonly clock: Clock;
  readonly nowMs: () => number;
}

const LABEL = /^[a-z][a-z0-9_]{0,62}$/;

/** @throws {NervPersistenceError} `config/invalid` */
export function makeObserver(options: ObserverOptions, universe: ObservedUniverse): Observer {
  checkObserverOptions(options);
  const { logger, metrics, onError } = options;
  const { database, clock, nowMs } = universe;
  const own = metrics === false ? undefined : metrics?.labels;
  const telemetry = makeTelemetry({
    labels: { ...own, database },
    clock,
    nowMs,
    logger,
    metrics: metrics !== false,
  });
  if (logger === undefined && onError !== undefined) {
    // Who is told writes it down, or does not: the console is for what nobody is told.
    return {
      telemetry,
      onError: (error) => {
        telemetry.countError(error);
        onError(error);
      },
    };
  }
  return {
    telemetry,
    onError: (error) => {
      telemetry.reportError(error);
      onError?.(error);
    },
  };
}

function checkObserverOptions({ logger, metrics }: ObserverOptions): void {
  if (logger !== undefined && typeof (logger as Partial<Logger> | null)?.log !== 'function')
    throw invalid("logger takes an object with a method 'log'.", {});
  if (metrics === undefined || metrics === false) return;
  for (const [name, value] of Object.entries(metrics.labels ?? {})) {
    if (!LABEL.test(name) || name === 'le')
      throw invalid(`'${name}' is no name of a label: use lower-case letters, digits and underscores.`, { name });
    if (typeof value !== 'string') throw invalid(`The label '${name}' takes a text.`, { name });
  }
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): NervPersistenceError {
  return new NervPersistenceError('config/invalid', message, { details });
}
