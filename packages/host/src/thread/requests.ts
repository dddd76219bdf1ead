import { assert } from '../assert.ts';
import { HostError } from '../errors.ts';
import type { RequestItem } from './messages.ts';
import { fromWireError, toWireError } from './wire-error.ts';

/** Functions by name, each of which may be asked for from the other thread. */
export type RequestTable = Readonly<Record<string, (...args: never[]) => unknown>>;

/** Requests that may be in flight at once, to one database. */
const REQUESTS_MAX = 10_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Asks the other thread, and remembers who waits for which answer. */
export class Requester<Requests> {
  readonly #send: (item: RequestItem) => void;
  readonly #waiting: Map<number, Waiting> = new Map();
  #lastId = 0;
  #ended: Error | undefined;

  constructor(send: (item: RequestItem) => void) {
    this.#send = send;
  }

  /** @throws {HostError} `database/overloaded`, what the other side throws, or why the other side is gone */
  ask<Method extends keyof Requests & string>(
    method: Method,
    ...args: ArgumentsOf<Requests[Method]>
  ): Promise<ResultOf<Requests[Method]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#waiting.size >= REQUESTS_MAX) return Promise.reject(makeOverloadedError());
    this.#lastId += 1;
    const id = this.#lastId;
    const result = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#send({ type: 'ask', id, method, args });
    // The other side answers a request by the function of that name.
    return result as Promise<ResultOf<Requests[Method]>>;
  }

  /** Takes an answer to one of these requests. */
  settle(item: Extract<RequestItem, { readonly type: 'answer' | 'refusal' }>): void {
    const waiting = this.#waiting.get(item.id);
    if (waiting === undefined) return;
    this.#waiting.delete(item.id);
    if (item.type === 'answer') waiting.resolve(item.result);
    else waiting.reject(fromWireError(item.error));
  }

  /** Rejects what waits and whatever is asked from now on. */
  end(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

/** Answers one request of the other thread, now where that is possible. Never throws and never rejects. */
export async function answerRequest(
  table: RequestTable,
  item: Extract<RequestItem, { readonly type: 'ask' }>,
  send: (item: RequestItem) => void,
): Promise<void> {
  const { id } = item;
  try {
    const answer = table[item.method];
    assert(answer !== undefined, 'both threads run the same version of this code');
    // The other side's `ask` has checked the types.
    const result = await answer(...(item.args as never[]));
    send({ type: 'answer', id, result });
  } catch (error) {
    send({ type: 'refusal', id, error: toWireError(error) });
  }
}

type ArgumentsOf<Function> = Function extends (...args: infer Arguments) => unknown ? Arguments : never;
type ResultOf<Function> = Function extends (...args: never[]) => infer Result ? Awaited<Result> : never;

function makeOverloadedError(): HostError {
  return new HostError({
    code: 'database/overloaded',
    message: `${REQUESTS_MAX} requests to this database wait for an answer already; try again later`,
    details: { requests: REQUESTS_MAX },
    retryable: true,
  });
}
