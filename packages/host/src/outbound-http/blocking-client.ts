import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { HttpRequestHead } from '../module-http/http-message.ts';
import type { HelperAnswer, HelperData, HelperRequest } from './helper-messages.ts';
import { makeOutboundError } from './outbound-error.ts';
import type { OutboundHttp, OutboundResponse } from './outbound-http.ts';
import type { OutboundPolicy } from './outbound-options.ts';
import { timeoutMsOf } from './send-request.ts';

/** How much longer than a request may take the helper is waited for: to start, and to hand over what it has. */
const GRACE_MS = 15_000;

/** Heap of the helper, which holds no bodies. */
const HEAP_MIB = 128;

/** A helper thread that runs. */
interface Helper {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly answered: Int32Array<SharedArrayBuffer>;
}

/**
 * Sends requests from a helper thread and blocks this one meanwhile: nothing else of this thread runs until the whole
 * response is there. The helper is started by the first request and ended by `close`.
 *
 * A call may be cut off while it waits here (see `TimeLimit`), without any `finally`: so nothing has to be put back,
 * and an answer that nobody waited for is dropped by the next request.
 */
export class BlockingHttpClient implements OutboundHttp {
  readonly #policy: OutboundPolicy;
  readonly #findEntry: () => string;
  readonly #graceMs: number;
  #helper: Helper | undefined;
  #lastId = 0;
  #isClosed = false;

  /**
   * `findEntry` gives the address of the helper's code, see `findHelperEntry`. A helper that does not answer so long
   * after the time of a request is given up.
   */
  constructor(policy: OutboundPolicy, findEntry: () => string, graceMs: number = GRACE_MS) {
    this.#policy = policy;
    this.#findEntry = findEntry;
    this.#graceMs = graceMs;
  }

  request(head: HttpRequestHead, body: Uint8Array): OutboundResponse {
    if (this.#isClosed) throw makeOutboundError('the host is closed');
    const helper = (this.#helper ??= this.#start());
    this.#lastId += 1;
    const id = this.#lastId;
    const item: HelperRequest = { id, request: { head, body } };
    helper.port.postMessage(item);
    const answer = waitForAnswer(helper, id, timeoutMsOf(head) + this.#graceMs);
    if (answer === undefined) {
      // It died or hangs; the next request gets another one.
      this.#forget(helper);
      throw makeOutboundError('the thread that sends requests does not answer');
    }
    if (answer.type === 'failed') throw makeOutboundError(answer.message);
    return answer.response;
  }

  /** Ends the helper. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const helper = this.#helper;
    this.#helper = undefined;
    await helper?.worker.terminate();
  }

  #start(): Helper {
    const { port1, port2 } = new MessageChannel();
    const answered = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const data: HelperData = { policy: this.#policy, port: port2, answered };
    const worker = new Worker(new URL(this.#findEntry()), {
      name: 'inner-universe http',
      workerData: data,
      transferList: [port2],
      // What the process was started with may not fit a worker, and nothing of it is needed.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
    });
    const helper = { worker, port: port1, answered };
    // The next request starts another one; one that waits now is told by its time.
    worker.on('error', () => this.#forget(helper));
    worker.on('exit', () => this.#forget(helper));
    // It does not keep the process alive.
    worker.unref();
    return helper;
  }

  #forget(helper: Helper): void {
    if (this.#helper === helper) this.#helper = undefined;
    void helper.worker.terminate();
  }
}

/** Sleeps until the answer to a request is there; undefined when it does not come in time. */
function waitForAnswer({ port, answered }: Helper, id: number, timeoutMs: number): HelperAnswer | undefined {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const seen = Atomics.load(answered, 0);
    const answer = takeAnswer(port, id);
    if (answer !== undefined) return answer;
    const restMs = end - performance.now();
    if (restMs <= 0) return undefined;
    Atomics.wait(answered, 0, seen, restMs);
  }
}

/** The answer, if it is there. Those to requests that were given up are dropped. */
function takeAnswer(port: MessagePort, id: number): HelperAnswer | undefined {
  for (;;) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) return undefined;
    // The helper posts nothing else.
    const answer = received.message as HelperAnswer;
    if (answer.id === id) return answer;
  }
}
