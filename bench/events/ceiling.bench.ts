/*
 * The ceiling: what client and module take for the same requests when nothing is behind them. The module's system calls
 * are answered from a recording of one request that a real host answered, and the client speaks to a socket that
 * answers at once. Parts of the host and the bindings are imported by path, because they are nobody's public interface;
 * the file's name says so to the check of the layers.
 */
import { readFile } from 'node:fs/promises';
import { findModule } from 'inner-universe';
import { BsatnReader } from '../../packages/host/dist/bsatn/reader.js';
import { systemClock, systemTimers } from '../../packages/host/dist/clock/system-clock.js';
import { Database } from '../../packages/host/dist/database/database.js';
import { makeProgramLoader } from '../../packages/host/dist/module/program-loader.js';
import { SYSTEM_FUNCTION_NAMES, type SystemFunctions } from '../../packages/host/dist/module/system-functions.js';
import type { HookCall, LoadedProgram, ProgramLoader } from '../../packages/host/dist/module/realm-port.js';
import { decodeClientMessage } from '../../packages/host/dist/protocol/client-message.js';
import { createMemoryStorage } from '../../packages/host/dist/storage/memory-storage.js';
import { DbConnection } from '../../packages/inner-universe/dist/generated/module-bindings.js';
import { connectToNothing } from '../transfer/ceilings.bench.ts';
import { makeData, summariseEvents, type EventFigures } from './figures.ts';

type Operation = (...args: unknown[]) => unknown;

/** One system call of the recording: its answer, and what it wrote into the buffers it was given. */
interface Recorded {
  readonly name: string;
  readonly result: unknown;
  readonly writes: readonly { readonly argument: number; readonly bytes: Uint8Array }[];
}

/** A call, and what the module was answered during it. */
interface Recording {
  readonly call: HookCall;
  readonly recording: readonly Recorded[];
  /** Answers to look-ups by name, which an instance makes once, whenever it needs them first. */
  readonly ids: ReadonlyMap<string, unknown>;
}

const LOOK_UPS: ReadonlySet<string> = new Set(['table_id_from_name', 'index_id_from_name']);
const OWNER = 0x0an;

/** Events a second of client and module alone, in batches of this size. */
export async function measureCeiling(batch: number, batches: number): Promise<EventFigures> {
  const source = findModule();
  if (!('path' in source)) throw new Error('the module is a file');
  const bundle = await readFile(source.path, 'utf8');
  const replay = await makeReplay(bundle, await recordRequest(bundle, batch));
  const connection = await connectToNobody();
  const send = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      await connection.reducers.apply(makeRequest(`request-${at}`, batch));
      replay();
    }
  };
  await send(Math.ceil(batches / 10));
  const start = performance.now();
  await send(batches);
  const figures = summariseEvents(batch * batches, performance.now() - start);
  connection.disconnect();
  return figures;
}

/** The request that is sent: a batch of events as the client makes them. */
function makeRequest(requestId: string, batch: number): Parameters<DbConnection['reducers']['apply']>[0] {
  const now = { __timestamp_micros_since_unix_epoch__: systemClock.nowMicros() };
  const ops = Array.from({ length: batch }, (_, n) => ({
    tag: 'PublishEvent',
    value: {
      eventId: crypto.randomUUID(),
      eventType: 'bench.tick',
      typeVersion: 1,
      scope: 'main',
      source: '',
      partitionKey: '',
      authoredAt: now,
      data: JSON.stringify(makeData(n)),
      dataEncoding: 'json/1',
      metadata: '{}',
      metadataEncoding: 'json/1',
      durability: 'durable',
    },
  }));
  // The bindings take instances of the library's classes; what they read of them is this.
  return { requestId, issuedAt: now, consumer: undefined, ops } as unknown as Parameters<
    DbConnection['reducers']['apply']
  >[0];
}

/** Has a real host answer one request, and notes every system call of it. */
async function recordRequest(bundle: string, batch: number): Promise<Recording> {
  const recorder = new Recorder();
  const database = await Database.open({
    name: 'ceiling',
    program: bundle,
    storage: createMemoryStorage(),
    identity: 1n,
    owner: OWNER,
    clock: systemClock,
    timers: systemTimers,
    logger: { log: () => undefined },
    programs: recorder.watch(makeProgramLoader()),
  });
  try {
    database.connect({ identity: OWNER, connectionId: 1n }, '{}');
    const args = await encodeRequest(batch);
    recorder.start();
    const { outcome } = database.callReducer({ identity: OWNER, connectionId: 1n }, 'apply', args);
    if (outcome.type !== 'committed') throw new Error(`the request failed: ${outcome.message}`);
    return recorder.finish();
  } finally {
    await database.close();
  }
}

/** The arguments as the client encodes them, taken from what it sends. */
async function encodeRequest(batch: number): Promise<Uint8Array> {
  const sent: Uint8Array[] = [];
  const connection = await connectToNobody((payload) => sent.push(payload));
  await connection.reducers.apply(makeRequest('request', batch));
  connection.disconnect();
  for (const payload of sent) {
    const message = decodeClientMessage(new BsatnReader(payload));
    if (message.type === 'call-reducer') return message.args;
  }
  throw new Error('the client sent no call');
}

function connectToNobody(onSend: (payload: Uint8Array) => void = () => undefined): Promise<DbConnection> {
  const connect = async (): ReturnType<typeof connectToNothing> => {
    const socket = await connectToNothing();
    const send = socket.send.bind(socket);
    socket.send = (payload) => {
      onSend(payload.slice());
      send(payload);
    };
    return socket;
  };
  return new Promise((resolve, reject) => {
    DbConnection.builder()
      .withUri('ws://nowhere')
      .withDatabaseName('ceiling')
      .withWSFn(connect)
      .onConnect((connection: DbConnection) => resolve(connection))
      .onConnectError((_context: unknown, error: Error) => reject(error))
      .build();
  });
}

/** Notes the system calls of one reducer call. */
class Recorder {
  #recording: Recorded[] | undefined;
  readonly #ids = new Map<string, unknown>();
  #call: HookCall | undefined;

  watch(loader: ProgramLoader): ProgramLoader {
    return { load: async (text) => this.#watchProgram(await loader.load(text)) };
  }

  start(): void {
    this.#recording = [];
  }

  finish(): Recording {
    if (this.#call === undefined || this.#recording === undefined) throw new Error('nothing was recorded');
    return { call: this.#call, recording: this.#recording, ids: this.#ids };
  }

  #watchProgram(program: LoadedProgram): LoadedProgram {
    return {
      text: program.text,
      hash: program.hash,
      instantiate: (target, events) => {
        const realm = program.instantiate({ ...target, functions: this.#watchFunctions(target.functions) }, events);
        const callReducer = realm.callReducer.bind(realm);
        realm.callReducer = (call) => {
          if (this.#recording !== undefined) this.#call = { ...call, args: call.args.slice() };
          return callReducer(call);
        };
        return realm;
      },
    };
  }

  #watchFunctions(functions: SystemFunctions): SystemFunctions {
    return mapFunctions((name) => {
      const operation = functions[name] as Operation;
      return (...args) => {
        const before = args.map((argument) => (isBuffer(argument) ? new Uint8Array(argument).slice() : undefined));
        const result = operation.apply(functions, args);
        const writes = args.flatMap((argument, at) => {
          const bytes = isBuffer(argument) ? new Uint8Array(argument).slice() : undefined;
          const isChanged = bytes?.some((byte, index) => byte !== before[at]?.[index]) === true;
          return bytes !== undefined && isChanged ? [{ argument: at, bytes }] : [];
        });
        if (LOOK_UPS.has(name)) this.#ids.set(`${name} ${String(args[0])}`, result);
        else this.#recording?.push({ name, result, writes });
        return result;
      };
    });
  }
}

/** The module in a realm of its own, whose system calls are answered from the recording. */
async function makeReplay(bundle: string, { call, recording, ids }: Recording): Promise<() => void> {
  let at = Number.POSITIVE_INFINITY;
  const functions = mapFunctions((name) => (...args) => {
    if (LOOK_UPS.has(name)) return ids.get(`${name} ${String(args[0])}`);
    const recorded = recording[at];
    at += 1;
    if (recorded?.name !== name) throw new Error(`the module called ${name} where ${recorded?.name} was recorded`);
    for (const { argument, bytes } of recorded.writes) new Uint8Array(args[argument] as ArrayBuffer).set(bytes);
    return recorded.result;
  });
  const rethrow = (thrown: unknown): never => {
    throw thrown;
  };
  const program = await makeProgramLoader().load(bundle);
  const realm = program.instantiate({ functions, fault: rethrow }, { unhandledRejection: rethrow });
  realm.describe();
  return () => {
    at = 0;
    const outcome = realm.callReducer(call);
    if (outcome.type !== 'returned') throw new Error(`the module failed: ${outcome.message}`);
  };
}

function mapFunctions(make: (name: keyof SystemFunctions) => Operation): SystemFunctions {
  // Every name is there by construction.
  return Object.fromEntries(SYSTEM_FUNCTION_NAMES.map((name) => [name, make(name)])) as unknown as SystemFunctions;
}

/** Buffers of the module's realm are not instances of this realm's class. */
function isBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]';
}
