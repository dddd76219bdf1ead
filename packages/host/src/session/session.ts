import type { Clock, Logger, LogLevel } from '../clock/clock.ts';
import type { Stopwatch } from '../clock/stopwatch.ts';
import type { Caller } from '../database/calls.ts';
import { errorMessage, HostError } from '../errors.ts';
import type { EncodedMessage } from '../protocol/message-builder.ts';
import { ClientPayload, type ProtocolVersion } from '../protocol/payload.ts';
import { encodeInitialConnection } from '../protocol/server-message.ts';
import type { DisconnectCause, SessionMetrics } from '../metrics/session-metrics.ts';
import type { Visibility } from '../subscriptions/subscription-manager.ts';
import type { ClientLink } from './client-link.ts';
import { CLOSE_CODES, shortenReason } from './close-codes.ts';
import { Outbox } from './outbox.ts';
import type { ClientSession } from './served-host.ts';
import type { SessionLimits } from './session-limits.ts';

/*
 * One connected client, from its accepted handshake to its end. What holds:
 *
 * - InitialConnection is the first message out; messages in are handled one after the other in the order they came.
 * - Messages out leave in the order they were made. With confirmed reads none leaves before the data it can tell of
 *   is durable.
 * - Nothing a client sends throws out of `receive`: it is answered, or ends this session and no other.
 * - After the session closed, nothing is sent and its database is told once that the client is gone.
 */

/** Who is connected, and how. */
export interface SessionOptions {
  readonly caller: Caller;
  /** Handed to the client as its own. */
  readonly token: string;
  readonly version: ProtocolVersion;
  /** Holds messages back until the transactions they tell of are durable. */
  readonly confirmedReads: boolean;
}

/** What a session asks of the hub it belongs to. */
export interface SessionHost {
  readonly clock: Clock;
  /** For the length of turns: reading it is cheaper than the clock. */
  readonly nowMs: Stopwatch;
  readonly limits: SessionLimits;
  readonly metrics: SessionMetrics;
  readonly logger: Logger;
  readonly name: string;
  /** Offset of the newest record that anything read now can depend on. */
  readonly lastOffset: bigint | undefined;
  readonly durableOffset: bigint;
  /** True while the storage is behind: nothing more is taken from clients. Every session is resumed afterwards. */
  readonly isHeld: boolean;
  /** Whether calls of reducers are handled in turns of all sessions, by `processCalls`, and nowhere else. */
  readonly coversCalls: boolean;
  isOwner(identity: bigint): boolean;
  /** Handles one message of the client: answers through `session.send`, throws to end the session. */
  handle(session: Session, payload: ClientPayload): void;
  /** Calls `flush` soon. */
  scheduleFlush(session: Session): void;
  /** Calls `processInbox` soon. */
  scheduleInbox(session: Session): void;
  /** The session is over. */
  remove(session: Session): void;
}

/** What waits of one session. */
export interface SessionQueues {
  /** Payloads of the client that were not handled yet. */
  readonly inboundPayloads: number;
  readonly inboundBytes: number;
  /** Messages that wait until what they tell is durable. */
  readonly outboundMessages: number;
  /** Bytes of those, and of what is on its way out of this process. */
  readonly outboundBytes: number;
}

/** Why a session ended that the host ended, by its close code. */
const CAUSES: ReadonlyMap<number, DisconnectCause> = new Map([
  [CLOSE_CODES.goingAway, 'going_away'],
  [CLOSE_CODES.tryAgain, 'flood'],
]);

/** Fewer messages than this wait for durability, else nothing more is taken from the client meanwhile. */
const OUTBOX_MESSAGES_BUSY = 8_192;

/** Up to this many bytes of calls may wait for their turn without that the client is held back. */
const INBOX_BYTES_BUSY = 256 * 1024;

/** Fewer bytes than this are on their way to the client, else nothing more is taken from it meanwhile. */
const OUTBOX_BYTES_BUSY = 16 * 1024 * 1024;

/** The state machine of one connection. Made by `SessionHub.open`. */
export class Session implements ClientSession {
  readonly caller: Caller;
  readonly visibility: Visibility;
  readonly #host: SessionHost;
  readonly #link: ClientLink;
  readonly #version: ProtocolVersion;
  readonly #confirmedReads: boolean;
  readonly #outbox = new Outbox();
  #inbox: ClientPayload[] = [];
  #inboxBytes = 0;
  #state: 'open' | 'finishing' | 'closed' = 'open';
  #isInboxScheduled = false;
  #isPaused = false;
  /** Whether there was any message but the first, which tells of no data. */
  #wasToldOfData = false;

  constructor(host: SessionHost, link: ClientLink, options: SessionOptions) {
    this.#host = host;
    this.#link = link;
    this.caller = options.caller;
    this.visibility = { identity: options.caller.identity, isOwner: host.isOwner(options.caller.identity) };
    this.#version = options.version;
    this.#confirmedReads = options.confirmedReads;
    this.send(encodeInitialConnection(options.caller.identity, options.caller.connectionId, options.token));
    this.#wasToldOfData = false;
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  get version(): ProtocolVersion {
    return this.#version;
  }

  get confirmedReads(): boolean {
    return this.#confirmedReads;
  }

  get queues(): SessionQueues {
    return {
      inboundPayloads: this.#inbox.length,
      inboundBytes: this.#inboxBytes,
      outboundMessages: this.#outbox.length,
      outboundBytes: this.#bytesUnderway(),
    };
  }

  /** True while messages wait for durability. */
  get isWaiting(): boolean {
    return this.#outbox.length > 0;
  }

  /** The offset that everything sent so far waits for. */
  get pendingOffset(): bigint | undefined {
    return this.#outbox.lastOffset;
  }

  /** Takes a payload of the client, whose bytes stay as they are from then on. Never throws. */
  receive(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (bytes.length > this.#host.limits.inboundPayloadBytesMax) {
      this.fail(CLOSE_CODES.error, `a message of ${bytes.length} bytes is too large`);
      return;
    }
    if (this.#inboxBytes + bytes.length > this.#host.limits.inboxBytesMax) {
      this.fail(CLOSE_CODES.tryAgain, 'too many requests');
      return;
    }
    this.#host.metrics.receivedBytes[this.#version].observe(bytes.length);
    this.#guard(() => {
      this.#inbox.push(new ClientPayload(bytes, this.#version));
      this.#inboxBytes += bytes.length;
    });
    if (!this.#isInboxScheduled) this.processInbox();
    else if (this.#host.coversCalls) this.#pauseOrResume();
  }

  /** Handles what the client sent until nothing is left, the turn is over, or too much is on its way out. */
  processInbox(): void {
    this.#isInboxScheduled = false;
    const endMs = this.#host.nowMs() + this.#host.limits.turnMicrosMax / 1000;
    while (this.#state === 'open' && this.#inbox.length > 0) {
      if (this.#isBusy() || (this.#host.coversCalls && this.#inbox[0]?.isReducerCall === true)) break;
      this.#guard(() => this.#handleNext());
      if (this.#host.nowMs() >= endMs) break;
    }
    if (this.#state === 'open') this.#pauseOrResume();
  }

  /** Handles the calls of reducers that are next, as long as `goesOn` says. What comes after them waits. */
  processCalls(goesOn: () => boolean): void {
    while (this.#state === 'open' && this.#inbox[0]?.isReducerCall === true && !this.#isBusy() && goesOn()) {
      this.#guard(() => this.#handleNext());
    }
  }

  /** The call that `processCalls` was handling was cut off: answers it. */
  answerCut(answer: EncodedMessage): void {
    const payload = this.#inbox[0];
    if (payload !== undefined) this.#dropDone(payload);
    this.send(answer);
  }

  /** Queues a message to the client. It leaves soon, with confirmed reads once all that it can tell of is durable. */
  send(message: EncodedMessage): void {
    if (this.#state === 'closed') return;
    this.#wasToldOfData = true;
    const { limits, durableOffset, lastOffset } = this.#host;
    if (message.byteLength > limits.messageBytesMax) {
      this.#drop(`a message of ${message.byteLength} bytes is too large`, CLOSE_CODES.error);
      return;
    }
    const waitsFor = this.#confirmedReads && lastOffset !== undefined && lastOffset >= durableOffset;
    this.#outbox.push(message, waitsFor ? lastOffset : undefined);
    this.#host.metrics.messagesSent += 1;
    this.#host.scheduleFlush(this);
    if (!this.#isOverfull()) return;
    // A long turn can fill the box of a client that reads well: only what cannot leave counts.
    this.#sendReady();
    if (this.#isOverfull()) this.#drop('the client reads too slowly', CLOSE_CODES.tryAgain);
  }

  /** Sends what may leave by now, and goes on with the client's messages where that was held up. */
  flush(): void {
    if (this.#state === 'closed') return;
    this.#sendReady();
    this.resume();
  }

  /** Goes on with the client's messages if it was waited for that less is on its way to it. */
  resume(): void {
    if (this.#state !== 'open' || this.#inbox.length === 0 || this.#isInboxScheduled || this.#isBusy()) return;
    this.#isInboxScheduled = true;
    this.#host.scheduleInbox(this);
  }

  /** The link is gone: what waits is lost. */
  linkClosed(): void {
    this.#end('client');
  }

  /** Ends the session after sending what may leave by now. */
  fail(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    this.#sendReady();
    this.#end(CAUSES.get(code) ?? 'error');
    this.#link.close(code, shortenReason(reason));
  }

  /**
   * What this session waits for will never be durable. A client that was told of no data yet goes on, with what can be
   * read; any other may have to be told that it saw what is gone, and starts anew.
   */
  endUndurable(reason: string): void {
    if (this.#wasToldOfData) {
      this.fail(CLOSE_CODES.error, reason);
      return;
    }
    this.#outbox.release();
    this.flush();
  }

  /** Takes nothing more from the client; what waits is still sent by `flush`. */
  stopReceiving(): void {
    if (this.#state !== 'open') return;
    this.#state = 'finishing';
    this.#inbox = [];
    this.#inboxBytes = 0;
  }

  /** Logs something about this session; never with a token or a payload in it. */
  log(level: LogLevel, message: string, details: Readonly<Record<string, unknown>> = {}): void {
    const { logger, clock, name } = this.#host;
    const connection = this.caller.connectionId.toString(16);
    logger.log({
      level,
      message,
      timestampMicros: clock.nowMicros(),
      source: 'host',
      database: name,
      details: { connection, ...details },
    });
  }

  #handleNext(): void {
    const payload = this.#inbox[0];
    if (payload === undefined) return;
    this.#host.handle(this, payload);
    this.#dropDone(payload);
  }

  #dropDone(payload: ClientPayload): void {
    if (!payload.isDone || this.#inbox[0] !== payload) return;
    this.#inbox.shift();
    this.#inboxBytes -= payload.byteLength;
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      const isClientsFault = error instanceof HostError && /^(bsatn|protocol|subscription)\//.test(error.code);
      const reason = isClientsFault ? error.message : 'internal error of the host';
      this.log(isClientsFault ? 'info' : 'error', `session closed: ${errorMessage(error)}`, { error });
      this.fail(CLOSE_CODES.error, reason);
    }
  }

  #isBusy(): boolean {
    if (this.#outbox.length > OUTBOX_MESSAGES_BUSY || this.#bytesUnderway() > OUTBOX_BYTES_BUSY) return true;
    return this.#host.isHeld;
  }

  #isOverfull(): boolean {
    const { outboxMessagesMax, outboxBytesMax } = this.#host.limits;
    return this.#outbox.length > outboxMessagesMax || this.#bytesUnderway() > outboxBytesMax;
  }

  #bytesUnderway(): number {
    return this.#outbox.byteLength + this.#link.bufferedBytes;
  }

  #pauseOrResume(): void {
    const hasMore = this.#inbox.length > 0;
    // Where calls wait for their turn as a rule, only many of them hold the client back.
    const isHeld = hasMore && (!this.#host.coversCalls || this.#inboxBytes > INBOX_BYTES_BUSY);
    if (isHeld !== this.#isPaused) {
      this.#isPaused = isHeld;
      if (isHeld) this.#link.pause();
      else this.#link.resume();
    }
    if (hasMore) this.resume();
  }

  #sendReady(): void {
    const { durableOffset, limits } = this.#host;
    const payloadBytesMax = this.#version === 'v3' ? limits.payloadBytesMax : 0;
    for (;;) {
      const payload = this.#outbox.takePayload(durableOffset, payloadBytesMax);
      if (payload === undefined) return;
      this.#host.metrics.sentBytes.observe(byteLengthOf(payload));
      this.#link.send(payload);
    }
  }

  #drop(reason: string, code: number): void {
    this.log('warn', `client dropped: ${reason}`, {
      waitingMessages: this.#outbox.length,
      waitingBytes: this.#bytesUnderway(),
    });
    this.#outbox.clear();
    this.#end(code === CLOSE_CODES.tryAgain ? 'slow' : 'error');
    this.#link.close(code, shortenReason(reason));
  }

  #end(cause: DisconnectCause): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#host.metrics.disconnects[cause] += 1;
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#outbox.clear();
    this.#host.remove(this);
  }
}

function byteLengthOf(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  return bytes;
}
