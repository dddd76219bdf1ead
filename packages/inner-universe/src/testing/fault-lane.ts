/*
 * One direction of a test's network, over all connections of one universe: what is planned for the n-th message comes
 * with the n-th message, also when the connection was lost and made anew meanwhile.
 */
/** What can become of a message on its way. */
export type MessageFault = 'drop' | 'duplicate' | 'reorder';

/** Where a message goes on a connection, and how that connection ends. */
export interface LaneEnds {
  readonly deliver: (message: Uint8Array) => void;
  readonly drop: () => void;
}

interface Planned {
  readonly fault: MessageFault;
  left: number;
}

/** Calls back in a moment, unless the function it returns is called before. */
export type Defer = (callback: () => void) => () => void;

/** The messages of one direction, and what is planned for them. */
export class FaultLane {
  readonly #defer: Defer;
  #planned: Planned[] = [];
  #held: (() => void) | undefined;
  #passed = 0;

  /** `defer`: in how much time a message that nothing overtakes arrives all the same. */
  constructor(defer: Defer) {
    this.#defer = defer;
  }

  /** Messages that were sent in this direction so far. */
  get passed(): number {
    return this.#passed;
  }

  /** Plans a fault for the n-th message from now; 1 is the next. Several may be planned. @throws {RangeError} */
  plan(fault: MessageFault, message: number): void {
    if (!Number.isInteger(message) || message < 1) {
      throw new RangeError(`messages are counted from 1, which is the next one; ${message} is none of them`);
    }
    this.#planned.push({ fault, left: message });
  }

  /** Takes back what is planned. */
  clear(): void {
    this.#planned = [];
  }

  /** Lets one message pass, or not. */
  pass(message: Uint8Array, ends: LaneEnds): void {
    this.#passed += 1;
    const faults = this.#takeDue();
    const overtaken = this.#held;
    this.#held = undefined;
    if (faults.has('drop')) {
      ends.drop();
      return;
    }
    // Whoever sent it writes the next one into the same bytes; and each reader owns those it is given.
    const kept = faults.has('reorder') ? message.slice() : message;
    const messages = faults.has('duplicate') ? [kept, kept.slice()] : [kept];
    const deliver = (): void => messages.forEach((each) => ends.deliver(each));
    if (faults.has('reorder')) this.#hold(deliver);
    else deliver();
    overtaken?.();
  }

  #takeDue(): ReadonlySet<MessageFault> {
    const due = new Set<MessageFault>();
    for (const planned of this.#planned) {
      planned.left -= 1;
      if (planned.left === 0) due.add(planned.fault);
    }
    this.#planned = this.#planned.filter(({ left }) => left > 0);
    return due;
  }

  /** Until the next message has passed; where none comes, for a moment. */
  #hold(deliver: () => void): void {
    const release = (): void => {
      cancel();
      deliver();
    };
    const cancel = this.#defer(() => {
      if (this.#held === release) this.#held = undefined;
      deliver();
    });
    this.#held = release;
  }
}
