/** Every code with which the module refuses a request or a read. */
export const REFUSAL_CODES = [
  'branch/not-found',
  'chunk/mismatch',
  'chunk/missing',
  'config/unknown-key',
  'connection/refused',
  'consumer/exists',
  'consumer/full',
  'consumer/holds',
  'consumer/leased',
  'consumer/not-found',
  'consumer/stale-epoch',
  'consumer/wrong-offset',
  'cursor/malformed',
  'entity/has-relations',
  'entity/id-taken',
  'entity/not-found',
  'entity/seq-mismatch',
  'event/id-taken',
  'event/trimmed',
  'grant/not-found',
  'graph/history-trimmed',
  'graph/no-history',
  'graph/not-indexed',
  'limit/cascade',
  'limit/ops',
  'limit/rate',
  'limit/request',
  'limit/storage',
  'module/internal',
  'permission/denied',
  'relation/endpoint-missing',
  'relation/id-taken',
  'relation/not-found',
  'relation/seq-mismatch',
  'request/expired',
  'request/id-taken',
  'request/out-of-order',
  'schema/migrating',
  'schema/newer-data',
  'scope/mismatch',
  'state/bad-chain-hash',
  'state/delta-taken',
  'state/id-taken',
  'state/in-use',
  'state/incomplete',
  'state/unknown-parent',
  'state/unknown-store',
  'state/unknown-version',
  'state/version-conflict',
  'tag/exists',
  'tag/not-found',
  'value/malformed',
  'value/too-large',
] as const;
/** One of `REFUSAL_CODES`. */
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Plain data that goes with a refusal: what it names depends on the code, see `SPEC.md`. */
export type RefusalDetails = Readonly<Record<string, string | number | boolean | null>>;

/** A refusal, as its JSON text carries it. */
export interface Refusal {
  readonly code: RefusalCode;
  /** The position of the op that was refused, or null where it was the whole request or a read. */
  readonly op: number | null;
  /** The ids concerned; the list is cut where the text would outgrow 4 KiB, and `details.idsOmitted` counts the rest. */
  readonly ids: readonly string[];
  readonly details: RefusalDetails;
  readonly message: string;
}

/** Reads a refusal out of an error's message; undefined where the text is not one of this module's refusals. */
export function tryParseRefusal(text: string): Refusal | undefined {
  if (!text.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isRefusal(value) ? value : undefined;
}

function isRefusal(value: unknown): value is Refusal {
  if (typeof value !== 'object' || value === null) return false;
  const { code, op, ids, details, message } = value as Record<keyof Refusal, unknown>;
  return (
    typeof code === 'string' &&
    (REFUSAL_CODES as readonly string[]).includes(code) &&
    (op === null || typeof op === 'number') &&
    Array.isArray(ids) &&
    ids.every((id) => typeof id === 'string') &&
    typeof details === 'object' &&
    details !== null &&
    typeof message === 'string'
  );
}
