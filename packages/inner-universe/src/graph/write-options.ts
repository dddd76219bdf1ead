import { NervError } from '@inner-universe/nerv';
import type { CallOptions } from '../connection/connection.ts';
import { checkCallOptions } from '../controller/check-options.ts';
import { tryFindNearest } from '../controller/nearest-name.ts';

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

/**
 * Refuses options that a write does not have: a mistyped one would be left out of account.
 * @throws NervError `graph/invalid-argument`; `config/invalid` for a signal or a time that is none
 */
export function checkWriteOptions<Options extends object>(write: keyof typeof OPTIONS, options: Options): Options {
  checkNames(write, options, OPTIONS[write]);
  checkValues(write, options);
  checkCallOptions(`graph.${write}`, options);
  return options;
}

/** As `checkWriteOptions`, of a write in a batch: how that is sent, the batch says. */
export function checkBatchedOptions(write: keyof typeof OPTIONS, options: object): void {
  const ofCall: readonly string[] = WRITE;
  checkNames(
    write,
    options,
    OPTIONS[write].filter((name) => !ofCall.includes(name)),
  );
  checkValues(write, options);
}

function checkNames(write: string, options: object, known: readonly string[]): void {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) {
    throw invalid(write, String(given), `The options of ${write} are ${String(given)}; they must be an object.`);
  }
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = tryFindNearest(unknown, known);
  const advice = meant === undefined ? '' : ` Did you mean '${meant}'?`;
  throw invalid(write, unknown, `${write} has no option '${unknown}'. It takes ${known.join(', ')}.${advice}`);
}

function checkValues(write: string, options: object): void {
  const { ifSeq, cascade, optimistic } = options as Readonly<Record<string, unknown>>; // read as what they are
  if (ifSeq !== undefined && !(Number.isSafeInteger(ifSeq) && Number(ifSeq) >= 0)) {
    throw invalid(write, 'ifSeq', `The option 'ifSeq' of ${write} is no whole number; it must be the seq of a row.`);
  }
  for (const [name, value] of Object.entries({ cascade, optimistic })) {
    if (value === undefined || typeof value === 'boolean') continue;
    throw invalid(
      write,
      name,
      `The option '${name}' of ${write} is of type ${typeof value}; it must be true or false.`,
    );
  }
}

function invalid(write: string, option: string, message: string): NervError {
  return new NervError('graph/invalid-argument', message, { details: { write, option } });
}
