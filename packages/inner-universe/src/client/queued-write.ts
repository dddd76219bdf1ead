import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { NervPersistenceError } from '../errors.ts';
import type { StoredWrite } from '../offline/stored-work.ts';
import { opByteLength } from './op-size.ts';

/** Groups of ops, each as one write; they are sent in turn. */
export type OpGroups = readonly (readonly Op[])[];

/** Ops that are applied together: what a refusal takes back. */
export interface QueuedPart {
  readonly write: QueuedWrite;
  /** Its index among the parts of the write. */
  readonly part: number;
  readonly ops: readonly Op[];
  readonly bytes: number;
}

/** A request with its parts, from when it is put together until it is answered. */
export interface QueuedRequest {
  readonly requestId: string;
  readonly issuedAtMicros: bigint;
  readonly place: number;
  readonly parts: readonly QueuedPart[];
  /** Of all of its ops together. */
  readonly bytes: number;
  /** It is on its way, or being recorded for that. */
  isSent: boolean;
  /** The request that it comes after, of those on their way when it was sent. */
  after: string | undefined;
  /** It may have been applied, by this connection or before: it is not sent behind others, nor anything behind it. */
  isUnsure: boolean;
  /** Why it failed, until it is known what became of those sent after it. */
  failure: { readonly error: unknown } | undefined;
  /** The outbox knows that it may have been sent. */
  isRecorded: boolean;
}

/** A request that is to be sent with these parts. */
export function makeRequest(
  parts: readonly QueuedPart[],
  facts: Pick<QueuedRequest, 'requestId' | 'issuedAtMicros' | 'place'>,
): QueuedRequest {
  const { requestId, issuedAtMicros, place } = facts;
  let bytes = 0;
  for (const part of parts) bytes += part.bytes;
  return {
    requestId,
    issuedAtMicros,
    place,
    parts,
    bytes,
    isSent: false,
    after: undefined,
    isUnsure: false,
    failure: undefined,
    isRecorded: false,
  };
}

/** How far a write is kept in the outbox. */
export type Keeping = 'not' | 'begun' | 'kept';

interface QueuedWriteParts {
  readonly place: number;
  /** What it counts for until its size is known. */
  readonly bytes: number;
  /** Makes its ops, when everything before it has been answered. */
  readonly begin?: (() => Promise<OpGroups>) | undefined;
  /** Called when it was refused: its caller makes it anew, until this settles. */
  readonly remaking?: (() => Promise<unknown>) | undefined;
  readonly requestId?: string | undefined;
}

/** One for all: there are many writes. */
const NOTHING = (): void => undefined;

/** One call of `write`: it is done when all of its parts are, and fails with the first error among them. */
export class QueuedWrite {
  readonly place: number;
  readonly remaking: (() => Promise<unknown>) | undefined;
  /** Under which it is sent, alone; undefined: with others, under one that is made then. */
  readonly requestId: string | undefined;
  /** Settles when it is done, or its caller does not wait any longer. */
  readonly promise: Promise<void>;
  readonly begin: (() => Promise<OpGroups>) | undefined;
  bytes: number;
  /** Undefined while they are being made. */
  parts: readonly QueuedPart[] | undefined;
  /** How many parts were put into requests. */
  taken = 0;
  hasBegun = false;
  isEphemeral = false;
  keeping: Keeping = 'not';
  /** What the outbox knows of it. */
  stored: StoredWrite | undefined;
  /** Ends what waits for a signal or a deadline. */
  stopWaiting: (() => void) | undefined;
  /** All of its parts have been answered. */
  isDone = false;
  /** It was refused, and is being made anew: it stays as it is. */
  isRemade = false;
  /** The queue counts it no more. */
  hasLeft = false;
  /** Indexes of the parts that were applied; made when there are several. */
  done: Set<number> | undefined;
  #left = 0;
  #failure: { readonly error: unknown } | undefined;
  #resolve: () => void = NOTHING;
  #reject: (error: unknown) => void = NOTHING;

  constructor({ place, bytes, begin, remaking, requestId }: QueuedWriteParts) {
    this.place = place;
    this.bytes = bytes;
    this.begin = begin;
    this.remaking = remaking;
    this.requestId = requestId;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** A write that an outbox had kept: nobody waits for it. */
  static recovered(stored: StoredWrite): QueuedWrite {
    const { place, bytes, requestId } = stored;
    const write = new QueuedWrite({ place, bytes, requestId });
    write.stored = stored;
    write.keeping = 'kept';
    write.promise.catch(() => undefined);
    return write;
  }

  /** Nothing is to be done for it any more, here or by its caller. */
  get isOver(): boolean {
    return this.isDone && !this.isRemade;
  }

  /** Why it was refused, if one of its parts was. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Its ops are there. @throws `limit/ops`, `limit/request` */
  make(groups: OpGroups): void {
    const parts = groups.map((ops, part) => makePart(this, part, ops));
    let bytes = 0;
    for (const each of parts) {
      checkSize(each);
      bytes += each.bytes;
    }
    this.setParts(parts);
    this.bytes = bytes;
  }

  /** The parts that are still to be answered. */
  setParts(parts: readonly QueuedPart[]): void {
    this.parts = parts;
    this.#left = parts.length;
    this.isDone = parts.length === 0;
    this.isEphemeral = parts.length > 0 && parts.every(({ ops }) => ops.length > 0 && ops.every(isEphemeral));
  }

  /** One part was answered; true when it was the last. */
  answer(part: number, failure?: { readonly error: unknown }): boolean {
    if (failure === undefined && (this.parts?.length ?? 0) > 1) (this.done ??= new Set()).add(part);
    this.#failure ??= failure;
    this.#left -= 1;
    this.isDone = this.#left === 0;
    this.isRemade = this.isDone && this.#failure !== undefined && this.remaking !== undefined;
    return this.isDone;
  }

  /** Tells the caller that it is done, or why it failed. */
  settle(failure: { readonly error: unknown } | undefined = this.#failure): void {
    this.stopWaiting?.();
    this.stopWaiting = undefined;
    if (failure === undefined) this.#resolve();
    else this.#reject(failure.error);
  }
}

/** A part of a write. */
export function makePart(write: QueuedWrite, part: number, ops: readonly Op[]): QueuedPart {
  let bytes = 0;
  for (const op of ops) bytes += opByteLength(op);
  return { write, part, ops, bytes };
}

/** What may be missed by whoever is not connected is not worth keeping. */
function isEphemeral(op: Op): boolean {
  return op.tag === 'publishEvent' && op.value.durability === 'ephemeral';
}

function checkSize({ ops, bytes }: QueuedPart): void {
  if (ops.length > MAX_REQUEST_OPS) {
    throw new NervPersistenceError(
      'limit/ops',
      `One write has ${ops.length} ops; at most ${MAX_REQUEST_OPS} fit. Split it.`,
      { details: { ops: ops.length, max: MAX_REQUEST_OPS } },
    );
  }
  if (bytes > MAX_REQUEST_BYTES) {
    throw new NervPersistenceError(
      'limit/request',
      `One write has ${bytes} bytes; at most ${MAX_REQUEST_BYTES} fit. Split it, or let large values go as chunks.`,
      { details: { bytes, max: MAX_REQUEST_BYTES } },
    );
  }
}
