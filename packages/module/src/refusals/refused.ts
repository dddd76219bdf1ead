import { SenderError } from 'spacetimedb/server';
import { MAX_REFUSAL_BYTES } from '../wire/limits.ts';
import type { RefusalCode, RefusalDetails } from '../wire/refusal.ts';
import { byteLength } from '../values/text.ts';

/** What goes with a refusal beside its code and message. */
export interface RefusalParts {
  readonly ids?: readonly string[];
  readonly details?: RefusalDetails;
  /** The position of the op that is refused, where that is not the one being carried out. */
  readonly op?: number | undefined;
}

/** A request, read or connection that is refused: taken back whole, and told to the caller. */
export class Refused extends Error {
  readonly code: RefusalCode;
  readonly ids: readonly string[];
  readonly details: RefusalDetails;
  readonly op: number | undefined;

  constructor(code: RefusalCode, message: string, parts: RefusalParts = {}) {
    super(message);
    this.code = code;
    this.ids = parts.ids ?? [];
    this.details = parts.details ?? {};
    this.op = parts.op;
  }
}

/** Refuses: throws a `Refused`. */
export function refuse(code: RefusalCode, message: string, parts?: RefusalParts): never {
  throw new Refused(code, message, parts);
}

/**
 * The error the host passes on to the caller. Whatever is no refusal becomes `module/internal` and says where it
 * happened, because the caller would otherwise only learn of a fatal error.
 */
export function toSenderError(error: unknown, op: number | null): SenderError {
  const refused = error instanceof Refused ? error : toInternal(error);
  return new SenderError(refusalText(refused, refused.op ?? op));
}

function toInternal(error: unknown): Refused {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const place = error instanceof Error ? error.stack?.split('\n').find((line) => line.includes(' at ')) : undefined;
  return new Refused('module/internal', `The module failed and changed nothing: ${cut(message, 512)}`, {
    details: { place: cut(place?.trim() ?? '', 256) },
  });
}

/** A refusal as JSON of at most 4 KiB: long messages are cut, and ids that do not fit are counted. */
export function refusalText(refused: Refused, op: number | null): string {
  const whole = makeText(refused, op, refused.ids, refused.message);
  if (byteLength(whole) <= MAX_REFUSAL_BYTES) return whole;
  const message = cut(refused.message, 512);
  for (let count = Math.min(refused.ids.length, 16); count >= 0; count -= 1) {
    const ids = refused.ids.slice(0, count).map((id) => cut(id, 128));
    const text = makeText(refused, op, ids, message);
    if (byteLength(text) <= MAX_REFUSAL_BYTES) return text;
  }
  return JSON.stringify({ code: refused.code, op, ids: [], details: {}, message });
}

function makeText(refused: Refused, op: number | null, ids: readonly string[], message: string): string {
  const omitted = refused.ids.length - ids.length;
  const details = omitted === 0 ? refused.details : { ...refused.details, idsOmitted: omitted };
  return JSON.stringify({ code: refused.code, op, ids, details, message });
}

/** Cuts between characters, so that no half of a surrogate pair is left. */
function cut(text: string, units: number): string {
  if (text.length <= units) return text;
  const last = text.charCodeAt(units - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? units - 1 : units)}…`;
}
