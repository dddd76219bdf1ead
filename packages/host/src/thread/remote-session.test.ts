import { beforeEach, expect, test } from 'vitest';
import type { LogRecord } from '../clock/clock.ts';
import { systemClock } from '../clock/system-clock.ts';
import type { ClientLink } from '../session/client-link.ts';
import { RemoteSession, type SessionThread } from './remote-session.ts';

const MIB = 1024 * 1024;

/** A link and a thread that note what is asked of them. */
class Ends implements ClientLink, SessionThread {
  readonly name = 'test';
  readonly clock = systemClock;
  readonly logger = { log: (_record: LogRecord) => undefined };
  inFlightBytes = 0;
  bufferedBytes = 0;
  readonly events: string[] = [];
  readonly sent: Uint8Array[] = [];

  send(payload: readonly Uint8Array[]): void {
    this.sent.push(...payload);
  }
  close(code: number, reason: string): void {
    this.events.push(`close ${code} ${reason}`);
  }
  pause(): void {
    this.events.push('pause');
  }
  resume(): void {
    this.events.push('resume');
  }
  sendData(_session: RemoteSession, bytes: Uint8Array): void {
    this.inFlightBytes += bytes.length;
  }
  sendFail(_session: RemoteSession, code: number, reason: string): void {
    this.events.push(`fail ${code} ${reason}`);
  }
  sendLinkClosed(): void {
    this.events.push('link closed');
  }
  reportLeft(): void {
    this.events.push('report');
  }
}

let ends: Ends;
let session: RemoteSession;

beforeEach(() => {
  ends = new Ends();
  session = new RemoteSession(1, { caller: { identity: 1n, connectionId: 2n }, link: ends, thread: ends });
});

test('a client that floods the worker is held back until the worker has caught up', () => {
  session.receive(new Uint8Array(MIB));
  expect(ends.events).toEqual([]);
  session.receive(new Uint8Array(1));
  expect(ends.events).toEqual(['pause']);
  session.noteHandled(MIB / 2);
  expect(ends.events).toEqual(['pause']);
  session.noteHandled(MIB / 2);
  expect(ends.events).toEqual(['pause', 'resume']);
});

test('all clients together are held back, too', () => {
  ends.inFlightBytes = 65 * MIB;
  session.receive(new Uint8Array(1));
  expect(ends.events).toEqual(['pause']);
  session.noteHandled(1);
  expect(ends.events).toEqual(['pause', 'resume']);
});

test('a client that goes on sending all the same is ended, and nothing more is taken of it', () => {
  for (let sent = 0; sent <= 64; sent++) session.receive(new Uint8Array(MIB));
  expect(ends.events).toEqual(['pause', 'link closed', 'close 1013 too many requests']);
  expect(ends.inFlightBytes).toBe(64 * MIB);
  expect(session.isClosed).toBe(true);
  session.linkClosed();
  expect(ends.events).toHaveLength(3);
});

test('the session itself holds its client back, whatever is on its way', () => {
  session.setPausedByWorker(true);
  session.receive(new Uint8Array(2 * MIB));
  session.noteHandled(2 * MIB);
  expect(ends.events).toEqual(['pause']);
  session.setPausedByWorker(false);
  expect(ends.events).toEqual(['pause', 'resume']);
});

test('the worker learns how much has left for the client, and nothing twice', () => {
  session.deliver(new Uint8Array(100));
  ends.bufferedBytes = 60;
  expect(session.takeLeftBytes()).toBe(40);
  expect(session.takeLeftBytes()).toBeUndefined();
  ends.bufferedBytes = 0;
  expect(session.takeLeftBytes()).toBe(100);
});

test('after the end nothing is delivered or passed on', () => {
  session.linkClosed();
  session.deliver(new Uint8Array(1));
  session.receive(new Uint8Array(1));
  session.fail(1011, 'late');
  session.end(1011, 'late');
  expect(ends.events).toEqual(['link closed']);
  expect(ends.sent).toEqual([]);
});
