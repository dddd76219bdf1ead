import { NervError } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';

/**
 * How a write of a graph over the module is made. Called off before it is sent, it is not sent any more; later it may be
 * applied all the same.
 */
export interface GraphWriteOptions extends CallOptions {
  /**
   * Shows it at once, marked `pending`, as far as what it is about is held here; taken back if it is refused. Offline it
   * stays so. Default: what the graph was made with.
   */
  readonly optimistic?: boolean | undefined;
}

/** As `GraphWriteOptions`, for writes that may create something. */
export interface GraphCreateOptions extends GraphWriteOptions {
  /**
   * Where what is created may be read from; default: the scope that the graph was made with. What is there already stays
   * in its scope: an upsert in another one is refused.
   */
  readonly scope?: string | undefined;
}

const WRITE = ['signal', 'timeoutMs', 'optimistic'] as const;
const CREATE = [...WRITE, 'scope'] as const;
const UPDATE = [...WRITE, 'ifSeq'] as const;

/** The options that each write takes. */
const OPTIONS = {
  createEntity: CREATE,
  upsertEntity: CREATE,
  updateEntity: UPDATE,
  deleteEntity: [...UPDATE, 'cascade'],
  createRelation: CREATE,
  upsertRelation: CREATE,
  updateRelation: UPDATE,
  deleteRelation: UPDATE,
  batch: CREATE,
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Refuses options that a write does not have: a mistyped one would be left out of account. @throws NervError `graph/invalid-argument` */
export function checkWriteOptions<Options extends object>(write: keyof typeof OPTIONS, options: Options): Options {
  const known: readonly string[] = OPTIONS[write];
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw invalid(write, String(given), `The options of ${write} are ${String(given)}; they must be an object.`);
  }
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return options;
  throw invalid(write, unknown, `${write} has no option '${unknown}'. It takes ${known.join(', ')}.`);
}

function invalid(write: string, option: string, message: string): NervError {
  return new NervError('graph/invalid-argument', message, { details: { write, option } });
}
