/*
 * What lies below the product: the parts of the host on their own, without the rest. They are imported by path because
 * they are nobody's public interface; the file's name says so to the check of the layers.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { BsatnReader } from '../../packages/host/dist/bsatn/reader.js';
import { BsatnWriter } from '../../packages/host/dist/bsatn/writer.js';
import { systemRandom } from '../../packages/host/dist/clock/system-clock.js';
import { makeProgramLoader } from '../../packages/host/dist/module/program-loader.js';
import { SYSTEM_FUNCTION_NAMES, type SystemFunctions } from '../../packages/host/dist/module/system-functions.js';
import { decodeClientMessage } from '../../packages/host/dist/protocol/client-message.js';
import { encodeInitialConnection, encodeReducerCommitted } from '../../packages/host/dist/protocol/server-message.js';
import { openDiskStorage } from '../../packages/host/dist/storage/disk/disk-storage.js';
import { drive, makePairs, type Load, type Measured } from './load.ts';

/** Position of `transfer` among the reducers of the module, which are in alphabetical order. */
const TRANSFER_ID = 1;
const CALLS_BETWEEN_LOOKS_AT_THE_CLOCK = 64;

/**
 * The module alone: its reducer is called as the host calls it, and every system call is answered at once with bytes
 * that were made before. No host for JavaScript modules can be faster.
 */
export async function measureStubbedModule(bundle: string, load: Load): Promise<Measured> {
  const program = await makeProgramLoader(undefined).load(bundle);
  const realm = program.instantiate({ functions: makeStubs(), fault: rethrow }, { unhandledRejection: rethrow });
  realm.describe();
  const choose = makePairs(load);
  const writer = new BsatnWriter(16);
  const callOnce = (): void => {
    const [from, to] = choose();
    writer.reset();
    writer.u32(from);
    writer.u32(to);
    writer.i64(1n);
    const outcome = realm.callReducer({
      id: TRANSFER_ID,
      sender: 1n,
      connectionId: 1n,
      timestampMicros: 1n,
      args: writer.peek(),
    });
    if (outcome.type !== 'returned') throw new Error(`the module failed: ${outcome.message}`);
  };
  runFor(load.warmUpSeconds, callOnce);
  const start = performance.now();
  const calls = runFor(load.seconds, callOnce);
  const callsPerSecond = calls / ((performance.now() - start) / 1000);
  realm.close();
  return { callsPerSecond, p50Ms: Number.NaN, p99Ms: Number.NaN };
}

/** Durable appends of records of this size to the disk storage, as many on their way as the load has calls. */
export async function measureRawStorage(recordBytes: number, load: Load): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-storage-'));
  const storage = await openDiskStorage({ directory, random: systemRandom });
  try {
    await storage.recover({ snapshot: async () => undefined, record: () => undefined });
    const record = new Uint8Array(recordBytes).fill(7);
    return await drive(load, () => storage.whenDurable(storage.append(record)));
  } finally {
    await storage.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A server that answers each call at once and does nothing: what client, protocol and socket cost by themselves. */
export async function startNullServer(): Promise<{ uri: string; close(): void }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'v3.bsatn.spacetimedb' });
  let connectionId = 0n;
  server.on('connection', (socket) => {
    connectionId += 1n;
    socket.send(frame([encodeInitialConnection(1n, connectionId, 'token').chunks]));
    socket.on('message', (data: Buffer) => socket.send(frame(answerCalls(data))));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the null server listens on a port');
  return { uri: `ws://127.0.0.1:${address.port}`, close: () => server.close() };
}

/** The same without a socket: what the client costs by itself, in the thread that it shares with an embedded host. */
export async function connectToNothing(): Promise<NullSocket> {
  return new NullSocket();
}

/** Shaped like a WebSocket as the client uses it. */
class NullSocket {
  readonly protocol = 'v3.bsatn.spacetimedb';
  onmessage: (message: { data: Uint8Array }) => void = () => undefined;
  onclose: () => void = () => undefined;
  onerror: () => void = () => undefined;

  get readyState(): number {
    return 1;
  }

  set onopen(handler: () => void) {
    setImmediate(() => {
      handler();
      this.#deliver(encodeInitialConnection(1n, 1n, 'token').chunks);
    });
  }

  send(payload: Uint8Array): void {
    // The client uses the buffer again for what it sends next.
    const copy = payload.slice();
    queueMicrotask(() => this.#deliver(answerCalls(copy).flat()));
  }

  close(): void {}

  #deliver(chunks: readonly Uint8Array[]): void {
    this.onmessage({ data: new Uint8Array(Buffer.concat(chunks)) });
  }
}

function answerCalls(payload: Uint8Array): readonly (readonly Uint8Array[])[] {
  const reader = new BsatnReader(payload);
  const answers: (readonly Uint8Array[])[] = [];
  while (reader.remaining > 0) {
    const { requestId } = decodeClientMessage(reader);
    answers.push(encodeReducerCommitted(requestId, 1n, []).chunks);
  }
  return answers;
}

/** Messages behind the byte that says they are not compressed. */
function frame(messages: readonly (readonly Uint8Array[])[]): Buffer {
  return Buffer.concat([Uint8Array.of(0), ...messages.flat()]);
}

function makeStubs(): SystemFunctions {
  const row = new Uint8Array(12);
  new DataView(row.buffer).setBigInt64(4, 1_000_000_000n, true);
  const answers: Partial<SystemFunctions> = {
    table_id_from_name: () => 4097,
    index_id_from_name: () => 4097,
    datastore_index_scan_point_bsatn: () => 1,
    row_iter_bsatn_advance: (_iterator, buffer) => {
      // The realm's own buffer: what the module reads its rows from.
      new Uint8Array(buffer as ArrayBuffer).set(row);
      return -row.length;
    },
    row_iter_bsatn_close: () => undefined,
    datastore_update_bsatn: () => 0,
  };
  const all = SYSTEM_FUNCTION_NAMES.map((name) => [name, answers[name] ?? (() => refuse(name))] as const);
  // Every name is there by construction.
  return Object.fromEntries(all) as unknown as SystemFunctions;
}

function runFor(seconds: number, callOnce: () => void): number {
  const end = performance.now() + seconds * 1000;
  let calls = 0;
  while (performance.now() < end) {
    for (let index = 0; index < CALLS_BETWEEN_LOOKS_AT_THE_CLOCK; index += 1) callOnce();
    calls += CALLS_BETWEEN_LOOKS_AT_THE_CLOCK;
  }
  return calls;
}

function refuse(name: string): never {
  throw new Error(`the module called ${name}, for which there is no stub`);
}

function rethrow(thrown: unknown): never {
  throw thrown;
}
