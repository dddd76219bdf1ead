import { describe, expect, test } from 'vitest';
import { KeepAlive, type KeptConnection } from './keep-alive.ts';

/** Time that stands still until the test moves it; a stall moves the clock without letting a timer fire. */
class FakeTime {
  micros = 0n;
  #due: { atMicros: bigint; callback: () => void }[] = [];
  nowMicros(): bigint {
    return this.micros;
  }
  after(delayMs: number, callback: () => void) {
    const entry = { atMicros: this.micros + BigInt(delayMs) * 1000n, callback };
    this.#due.push(entry);
    return { cancel: () => void (this.#due = this.#due.filter((other) => other !== entry)) };
  }
  get timerCount(): number {
    return this.#due.length;
  }
  run(ms: number): void {
    const end = this.micros + BigInt(ms) * 1000n;
    for (;;) {
      this.#due.sort((left, right) => Number(left.atMicros - right.atMicros));
      const next = this.#due[0];
      if (next === undefined || next.atMicros > end) break;
      this.#due.shift();
      if (next.atMicros > this.micros) this.micros = next.atMicros;
      next.callback();
    }
    this.micros = end > this.micros ? end : this.micros;
  }
  stall(ms: number): void {
    this.micros += BigInt(ms) * 1000n;
    this.run(0);
  }
}

class FakeConnection implements KeptConnection {
  pings = 0;
  isTerminated = false;
  isActive = false;
  answersPings = true;
  takeActivity(): boolean {
    const was = this.isActive;
    this.isActive = false;
    return was;
  }
  ping(): void {
    this.pings += 1;
    if (this.answersPings) this.isActive = true;
  }
  terminate(): void {
    this.isTerminated = true;
  }
}

function setUp() {
  const time = new FakeTime();
  const keepAlive = new KeepAlive(time, time);
  const connection = new FakeConnection();
  keepAlive.add(connection);
  return { time, keepAlive, connection };
}

describe('keeping connections alive', () => {
  test('a quiet client that answers pings stays', () => {
    const { time, connection } = setUp();
    time.run(600_000);
    expect(connection.pings).toBe(40);
    expect(connection.isTerminated).toBe(false);
  });

  test('a client that answers nothing for 30 seconds is ended', () => {
    const { time, connection } = setUp();
    connection.answersPings = false;
    time.run(29_000);
    expect(connection.isTerminated).toBe(false);
    time.run(2_000);
    expect(connection.isTerminated).toBe(true);
  });

  test('a process that stood still for minutes ends nobody who then answers', () => {
    const { time, connection } = setUp();
    time.run(14_000);
    for (let stalls = 0; stalls < 5; stalls += 1) {
      time.stall(120_000);
      expect(connection.isTerminated).toBe(false);
      time.run(20_000);
      expect(connection.isTerminated).toBe(false);
    }
  });

  test('no timer runs without a connection', () => {
    const { time, keepAlive, connection } = setUp();
    expect(time.timerCount).toBe(1);
    keepAlive.remove(connection);
    expect(time.timerCount).toBe(0);
    keepAlive.add(connection);
    expect(time.timerCount).toBe(1);
  });
});
