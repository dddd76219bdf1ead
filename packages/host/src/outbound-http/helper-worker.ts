import { workerData } from 'node:worker_threads';
import { errorMessage } from '../errors.ts';
import type { HelperAnswer, HelperData, HelperRequest } from './helper-messages.ts';
import { sendRequest } from './send-request.ts';

/* Entry of the thread that sends the requests of modules, while the thread that asked sleeps. Nobody imports it. */

// `BlockingHttpClient` gives it.
const { policy, port, answered } = workerData as HelperData;
let current: AbortController | undefined;

port.on('message', ({ id, request }: HelperRequest) => {
  // Whoever asks again has given up what it asked for before: its call was ended.
  current?.abort();
  current = new AbortController();
  void answer(id, request, current.signal);
});

async function answer(id: number, request: HelperRequest['request'], signal: AbortSignal): Promise<void> {
  const result = await send(id, request, signal);
  const bodies = result.type === 'responded' ? [result.response.body.buffer as ArrayBuffer] : [];
  port.postMessage(result, bodies);
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
}

async function send(id: number, request: HelperRequest['request'], signal: AbortSignal): Promise<HelperAnswer> {
  try {
    return { id, type: 'responded', response: await sendRequest(request, { policy, signal }) };
  } catch (error) {
    return { id, type: 'failed', message: errorMessage(error) };
  }
}
