import type { ClientLink } from '../session/client-link.ts';
import type { ClientSession, ServedSessions } from '../session/served-host.ts';
import type { ItemFromWorker, ItemToWorker } from './messages.ts';
import type { Mailbox } from './mailbox.ts';

/** The items that are about sessions. */
export type SessionItem = Extract<ItemToWorker, { readonly session: number } | { readonly type: 'abandon' }>;

interface Connected {
  readonly session: ClientSession;
  readonly link: MailboxLink;
}

/** The worker's end of the connections that the host's side holds: gives sessions what comes from their clients. */
export class WorkerSessions {
  readonly #sessions: ServedSessions;
  readonly #outbox: Mailbox<ItemFromWorker>;
  readonly #connected: Map<number, Connected> = new Map();

  constructor(sessions: ServedSessions, outbox: Mailbox<ItemFromWorker>) {
    this.#sessions = sessions;
    this.#outbox = outbox;
  }

  /** Does what one item says. What it says of a session that is over does nothing: the news may have crossed. */
  handle(item: SessionItem): void {
    switch (item.type) {
      case 'open': {
        const link = new MailboxLink(item.session, this.#outbox, () => this.#connected.delete(item.session));
        const session = this.#sessions.open(link, item.options);
        if (!session.isClosed) this.#connected.set(item.session, { session, link });
        return;
      }
      case 'abandon':
        this.#sessions.abandon(item.caller);
        return;
      case 'data':
        this.#connected.get(item.session)?.session.receive(item.bytes);
        return;
      case 'left':
        this.#noteLeft(item.session, item.bytes);
        return;
      case 'fail':
        this.#connected.get(item.session)?.session.fail(item.code, item.reason);
        return;
      case 'link-closed': {
        const connected = this.#connected.get(item.session);
        this.#connected.delete(item.session);
        connected?.session.linkClosed();
        return;
      }
    }
  }

  /** Ends sessions the orderly way. */
  async finish(numbers: readonly number[]): Promise<void> {
    const sessions = numbers.map((number) => this.#connected.get(number)?.session);
    await this.#sessions.finish(sessions.filter((session) => session !== undefined));
  }

  #noteLeft(number: number, bytes: number): void {
    const connected = this.#connected.get(number);
    if (connected === undefined) return;
    connected.link.noteLeft(bytes);
    connected.session.resume();
  }
}

/** The link of a session whose client is reached through the host's thread. */
class MailboxLink implements ClientLink {
  readonly #session: number;
  readonly #outbox: Mailbox<ItemFromWorker>;
  readonly #onClose: () => void;
  #sentBytes = 0;
  #leftBytes = 0;

  constructor(session: number, outbox: Mailbox<ItemFromWorker>, onClose: () => void) {
    this.#session = session;
    this.#outbox = outbox;
    this.#onClose = onClose;
  }

  /** What is on its way to the host's thread counts as what its socket still holds. */
  get bufferedBytes(): number {
    return this.#sentBytes - this.#leftBytes;
  }

  noteLeft(bytes: number): void {
    this.#leftBytes = bytes;
  }

  send(payload: readonly Uint8Array[]): void {
    const bytes = this.#outbox.copy(payload);
    this.#sentBytes += bytes.length;
    this.#outbox.push({ type: 'data', session: this.#session, bytes });
  }

  close(code: number, reason: string): void {
    this.#outbox.push({ type: 'close', session: this.#session, code, reason });
    this.#onClose();
  }

  pause(): void {
    this.#outbox.push({ type: 'pause', session: this.#session });
  }

  resume(): void {
    this.#outbox.push({ type: 'resume', session: this.#session });
  }
}
