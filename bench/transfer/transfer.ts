import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleModule, type Host, openHost } from '@inner-universe/host';
import { HOST_PARTS, measureShares, type HostPart, type Shares } from '../cpu-shares.ts';
import { DbConnection, quietSdk } from '../fixtures/sdk.ts';
import {
  against,
  type Benchmark,
  type BenchOptions,
  describeMachine,
  makeRow,
  type Report,
  type Row,
} from '../report.ts';
import { openAccounts, transferThrough } from './bank.ts';
import { connectToNothing, measureRawStorage, measureStubbedModule, startNullServer } from './ceilings.bench.ts';
import { drive, makePairs, type Load, type Measured, type Skew } from './load.ts';
import { startScript, startWithSqlite } from './processes.ts';

const FULL = { accounts: 100_000, connections: 64, callsPerConnection: 40, warmUpSeconds: 1, seconds: 3 };
const SMOKE = { accounts: 100, connections: 2, callsPerConnection: 4, warmUpSeconds: 0.05, seconds: 0.2 };
const MODULE = fileURLToPath(new URL('../fixtures/transfer-module.ts', import.meta.url));

/** Fund transfers: how near host, disk and socket come to the module alone, and how far they are from SQLite. */
export const transferBenchmark: Benchmark = {
  name: 'transfer',
  about: 'fund transfers in process, on disk and over WebSocket, against the bare module, raw storage and SQLite',
  run: runTransfer,
};

/** Makes the connections of the client. */
type Connector = Host['connectInProcess'] | typeof connectToNothing;

/** One variant: what it is called, and how it is measured once. */
interface Variant {
  readonly name: string;
  readonly measure: (load: Load) => Promise<Measured>;
}

async function runTransfer({ runs, smoke }: BenchOptions): Promise<Report> {
  quietSdk();
  const bundle = await bundleModule(MODULE);
  const shares: Shares<HostPart>[] = [];
  const variants = makeVariants(bundle, shares);
  const samples = new Map<string, Measured[]>();
  const skews: readonly Skew[] = ['uniform', 'zipf-1.5'];
  for (let run = 0; run < (smoke ? 1 : runs); run += 1) {
    for (const skew of skews) {
      const load: Load = { ...(smoke ? SMOKE : FULL), skew, seed: run + 1 };
      for (const { name, measure } of variants) {
        const key = `${skew}: ${name}`;
        samples.set(key, [...(samples.get(key) ?? []), await measure(load)]);
      }
    }
  }
  return {
    name: 'transfer',
    environment: {
      ...describeMachine(),
      ...(smoke ? SMOKE : FULL),
      durability: 'an answer means synced to disk, but in memory',
    },
    rows: [...skews.flatMap((skew) => rowsOf(skew, samples)), ...shareRows(shares)],
  };
}

const NAMES = {
  stub: 'the module alone, system calls stubbed (the ceiling)',
  calls: 'in memory, called without a client',
  memory: '(a) in memory, the client in process',
  disk: '(b) on disk, confirmed, the client in process',
  diskCalls: 'on disk, confirmed, called without a client',
  socket: '(c) on disk, confirmed, over WebSocket',
  sqlite: 'an HTTP server over SQLite',
  storage: 'durable records of the storage alone',
  null: 'a server that does nothing, over WebSocket',
  nullInProcess: 'a host that does nothing, the client in process',
} as const;

function makeVariants(bundle: string, shares: Shares<HostPart>[]): readonly Variant[] {
  return [
    { name: NAMES.stub, measure: (load) => measureStubbedModule(bundle, load) },
    { name: NAMES.calls, measure: (load) => withHost(bundle, 'memory', load, (host) => callDirectly(host, load)) },
    { name: NAMES.memory, measure: (load) => withHost(bundle, 'memory', load, (host) => callInProcess(host, load)) },
    { name: NAMES.diskCalls, measure: (load) => withHost(bundle, 'disk', load, (host) => callDirectly(host, load)) },
    { name: NAMES.disk, measure: (load) => withHost(bundle, 'disk', load, (host) => callInProcess(host, load)) },
    {
      name: NAMES.socket,
      measure: (load) => withHost(bundle, 'disk', load, (host) => callOverSocket(host, load, shares)),
    },
    { name: NAMES.sqlite, measure: measureSqlite },
    { name: NAMES.storage, measure: (load) => measureRawStorage(RECORD_BYTES, load) },
    { name: NAMES.null, measure: measureNullServer },
    { name: NAMES.nullInProcess, measure: measureNullInProcess },
  ];
}

/** What one transfer takes in the log, rounded: two deletes and two inserts of 12 bytes, caller, name and time. */
const RECORD_BYTES = 160;

async function withHost<Result>(
  bundle: string,
  where: 'memory' | 'disk',
  load: Load,
  measure: (host: Host) => Promise<Result>,
): Promise<Result> {
  const data = where === 'disk' ? mkdtempSync(join(tmpdir(), 'bench-transfer-')) : undefined;
  const host = await openHost(data === undefined ? { memory: true } : { data });
  try {
    await host.publish({ name: 'bank', module: bundle });
    const connection = await connectThrough(host.connectInProcess);
    await openAccounts(connection, load);
    connection.disconnect();
    return await measure(host);
  } finally {
    await host.close();
    if (data !== undefined) rmSync(data, { recursive: true, force: true });
  }
}

/** Without any client: what module, datastore and storage give. */
async function callDirectly(host: Host, load: Load): Promise<Measured> {
  const { database } = host.database('bank');
  const choose = makePairs(load);
  const caller = { identity: 1n, connectionId: 0n };
  const args = new Uint8Array(16);
  const view = new DataView(args.buffer);
  view.setBigInt64(8, 1n, true);
  return drive(load, async () => {
    const [from, to] = choose();
    view.setUint32(0, from, true);
    view.setUint32(4, to, true);
    const { outcome, offset } = await database.callReducer(caller, 'transfer', args);
    if (outcome.type !== 'committed') throw new Error(`the transfer failed: ${outcome.message}`);
    if (offset !== undefined) await database.whenDurable(offset);
  });
}

function callInProcess(host: Host, load: Load): Promise<Measured> {
  return callThrough(host.connectInProcess, load);
}

/** What the client takes of the thread that it shares with an embedded host. */
function measureNullInProcess(load: Load): Promise<Measured> {
  return callThrough(connectToNothing, load);
}

async function callThrough(connector: Connector, load: Load): Promise<Measured> {
  const connections = await Promise.all(Array.from({ length: load.connections }, () => connectThrough(connector)));
  try {
    return await transferThrough(connections, load);
  } finally {
    for (const connection of connections) connection.disconnect();
  }
}

async function callOverSocket(host: Host, load: Load, shares: Shares<HostPart>[]): Promise<Measured> {
  const server = await host.serve({ host: '127.0.0.1', port: 0 });
  const uri = server.address.replace(/^http/, 'ws');
  const { result, shares: own } = await measureShares(HOST_PARTS, () => runClient('socket-client.ts', uri, load));
  if (load.skew === 'uniform') shares.push(own);
  return result;
}

async function measureNullServer(load: Load): Promise<Measured> {
  const server = await startNullServer();
  try {
    return await runClient('socket-client.ts', server.uri, load);
  } finally {
    server.close();
  }
}

async function measureSqlite(load: Load): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-sqlite-'));
  const server = await startWithSqlite('sqlite-server.mjs', [join(directory, 'bank.sqlite'), String(load.accounts)]);
  try {
    return await runClient('http-client.ts', `http://127.0.0.1:${server.line}`, load);
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runClient(script: string, address: string, load: Load): Promise<Measured> {
  const client = await startScript(script, [address, JSON.stringify(load)]);
  await client.stop();
  // What our own client process printed.
  return JSON.parse(client.line) as Measured;
}

function connectThrough(connector: Connector): Promise<DbConnection> {
  return new Promise((resolve, reject) => {
    DbConnection.builder()
      .withUri('ws://in-process')
      .withDatabaseName('bank')
      .withWSFn(connector)
      .onConnect((connection) => resolve(connection))
      .onConnectError((_context, error) => reject(error))
      .build();
  });
}

function rowsOf(skew: Skew, samples: ReadonlyMap<string, readonly Measured[]>): Row[] {
  const of = (name: string, unit: string, figure: keyof Measured): Row =>
    makeRow(
      `${skew}: ${name}`,
      unit,
      (samples.get(`${skew}: ${name}`) ?? []).map((sample) => sample[figure]),
    );
  const rate = (name: string): Row => of(name, 'transfers/s', 'callsPerSecond');
  const [stub, memory, disk, socket, sqlite] = [NAMES.stub, NAMES.memory, NAMES.disk, NAMES.socket, NAMES.sqlite].map(
    rate,
  );
  if (stub === undefined || memory === undefined || disk === undefined || socket === undefined || sqlite === undefined)
    throw new Error('every variant was measured');
  return [
    stub,
    against(rate(NAMES.calls), stub),
    against(memory, stub),
    against(rate(NAMES.diskCalls), stub),
    against(disk, memory),
    against(socket, disk),
    { ...against(socket, sqlite), name: `${skew}: (c) once more` },
    { ...of(NAMES.socket, 'ms', 'p50Ms'), name: `${skew}: (c) latency, median` },
    { ...of(NAMES.socket, 'ms', 'p99Ms'), name: `${skew}: (c) latency, 99th percentile` },
    sqlite,
    rate(NAMES.storage),
    rate(NAMES.null),
    rate(NAMES.nullInProcess),
    { ...against(memory, rate(NAMES.nullInProcess)), name: `${skew}: (a) once more` },
  ];
}

function shareRows(shares: readonly Shares<HostPart>[]): Row[] {
  return HOST_PARTS.map((part) =>
    makeRow(
      `(c) time of the server, uniform: ${part}`,
      '%',
      shares.map((share) => share[part]),
    ),
  );
}
