import { makeRefusalFrom, refusalOf } from '../errors.ts';
import type { QueuedPart, QueuedRequest, QueuedWrite } from './queued-write.ts';

/** How large a request may become. One part always fits. */
export interface BatchLimits {
  readonly opsMax: number;
  readonly bytesMax: number;
}

/** Takes from the front of what waits as many parts as a request may hold, in order, up to what is still being made. */
export function takeParts(waiting: QueuedWrite[], { opsMax, bytesMax }: BatchLimits): readonly QueuedPart[] {
  const batch: QueuedPart[] = [];
  let ops = 0;
  let bytes = 0;
  let emptied = 0;
  fill: for (const write of waiting) {
    if (write.parts === undefined || (batch.length > 0 && write.requestId !== undefined)) break;
    for (let part = write.parts[write.taken]; part !== undefined; part = write.parts[write.taken]) {
      if (batch.length > 0 && (ops + part.ops.length > opsMax || bytes + part.bytes > bytesMax)) break fill;
      ops += part.ops.length;
      bytes += part.bytes;
      batch.push(part);
      write.taken += 1;
    }
    emptied += 1;
    if (write.requestId !== undefined) break;
  }
  waiting.splice(0, emptied);
  return batch;
}

/** Whether what waits is more than one request holds, or as much, so that waiting longer would not make it larger. */
export function fillsRequest(waiting: readonly QueuedWrite[], { opsMax, bytesMax }: BatchLimits): boolean {
  let ops = 0;
  let bytes = 0;
  for (const { parts, taken, requestId } of waiting) {
    if (parts === undefined || requestId !== undefined) return false;
    for (let index = taken; index < parts.length; index += 1) {
      ops += parts[index]?.ops.length ?? 0;
      bytes += parts[index]?.bytes ?? 0;
      if (ops >= opsMax || bytes >= bytesMax) return true;
    }
  }
  return false;
}

/** Whether a request was refused because the one it comes after was not applied: then neither was any part of it. */
export function isOutOfOrder({ after }: QueuedRequest, error: unknown): boolean {
  const refused = refusalOf(error);
  return after !== undefined && refused?.op === 0 && refused.code === 'request/out-of-order';
}

/** Which part was refused, and the error as its caller sees it; undefined when the whole request failed. */
export function findRefused(
  { parts, after }: QueuedRequest,
  error: unknown,
): { readonly index: number; readonly error: unknown } | undefined {
  const refused = refusalOf(error);
  if (refused?.op === undefined) return undefined;
  let first = after === undefined ? 0 : 1;
  for (const [index, { ops }] of parts.entries()) {
    if (refused.op < first + ops.length) return { index, error: makeRefusalFrom(refused, first) };
    first += ops.length;
  }
  return undefined;
}
