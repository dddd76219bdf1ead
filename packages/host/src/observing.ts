import { performance } from 'node:perf_hooks';
import process from 'node:process';
import type { Clock, Timers } from './clock/clock.ts';
import { errorMessage, HostError } from './errors.ts';
import type { HostedDatabase } from './hosted-database.ts';
import { identityToHex } from './identity/identity.ts';
import type { HostInspection, InspectedDatabase } from './inspection/inspection.ts';
import { MetricCollector } from './metrics/metric-collector.ts';
import type { MetricFamily } from './metrics/metric-family.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { IsolationSettings } from './thread/isolation-options.ts';

/** How long a database in a thread has to answer, which it does not while a call runs. */
const ANSWER_TIMEOUT_MS = 2_000;

/** What is gathered from. */
export interface ObservedHost {
  readonly databases: readonly HostedDatabase[];
  readonly server: ServerMetrics;
  readonly timers: Pick<Timers, 'after'>;
}

/** Everything that is counted of a host and its databases. A database that does not answer soon is reported as such. */
export async function gatherMetrics({ databases, server, timers }: ObservedHost): Promise<readonly MetricFamily[]> {
  const into = new MetricCollector();
  const answers = await Promise.all(databases.map((hosted) => askSoon(() => hosted.metrics(), timers)));
  for (const [index, hosted] of databases.entries()) {
    const { name, identity, isolation, programHash } = hosted;
    const answer = answers[index];
    const db = identityToHex(identity);
    into.add('inner_universe_host_database_info', 1, db, name, programHash, isolation);
    into.add('inner_universe_host_database_up', answer?.type === 'answered' ? 1 : 0, db);
    if (answer?.type === 'answered') into.addFamilies(answer.value);
  }
  server.collect(into, identityToHex);
  const { rss, external, heapUsed } = process.memoryUsage();
  into.add('inner_universe_host_resident_memory_bytes', rss);
  into.add('inner_universe_host_external_memory_bytes', external);
  into.add('inner_universe_host_heap_used_bytes', heapUsed, 'host');
  return into.families();
}

/** What a host tells of itself. */
export interface HostFacts extends ObservedHost {
  readonly clock: Clock;
  readonly dataDirectory: string | undefined;
  readonly owner: bigint;
  readonly isolation: IsolationSettings;
  readonly trustedIssuers: readonly string[];
  readonly address: string | undefined;
}

/** What a host and its databases are like now. */
export async function inspectHost(host: HostFacts): Promise<HostInspection> {
  const { isolation, callTimeLimitMs, procedureTimeLimitMs } = host.isolation;
  const { rss, external, heapUsed } = process.memoryUsage();
  return {
    takenAtMicros: host.clock.nowMicros().toString(),
    dataDirectory: host.dataDirectory,
    owner: identityToHex(host.owner),
    isolation,
    callTimeLimitMs: Number.isFinite(callTimeLimitMs) ? callTimeLimitMs : undefined,
    procedureTimeLimitMs: Number.isFinite(callTimeLimitMs) ? procedureTimeLimitMs : undefined,
    trustedIssuers: host.trustedIssuers,
    server: host.address === undefined ? undefined : { address: host.address },
    process: {
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      uptimeSeconds: Math.round(performance.now() / 1000),
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      externalBytes: external,
    },
    databases: await Promise.all(host.databases.map((hosted) => inspectOne(hosted, host.timers))),
  };
}

async function inspectOne(hosted: HostedDatabase, timers: ObservedHost['timers']): Promise<InspectedDatabase> {
  const { name, identity, owner, programHash, isolation, registration } = hosted;
  const answer = await askSoon(() => hosted.inspect(), timers);
  return {
    name,
    names: registration.names,
    identity: identityToHex(identity),
    owner: identityToHex(owner),
    programHash,
    isLocked: registration.isLocked,
    isolation,
    unknownBecause: answer.type === 'answered' ? undefined : answer.message,
    inside: answer.type === 'answered' ? answer.value : undefined,
  };
}

type Answer<Value> =
  | { readonly type: 'answered'; readonly value: Value }
  | { readonly type: 'missing'; readonly message: string };

/** Waits for an answer, but not for long. @throws what is no operating error */
async function askSoon<Value>(ask: () => Promise<Value>, timers: ObservedHost['timers']): Promise<Answer<Value>> {
  let stopWaiting: (() => void) | undefined;
  const silence = new Promise<Answer<Value>>((resolve) => {
    const timer = timers.after(ANSWER_TIMEOUT_MS, () =>
      resolve({ type: 'missing', message: `it did not answer within ${ANSWER_TIMEOUT_MS} ms: a call may be running` }),
    );
    stopWaiting = () => timer.cancel();
  });
  try {
    return await Promise.race([settle(ask), silence]);
  } finally {
    stopWaiting?.();
  }
}

async function settle<Value>(ask: () => Promise<Value>): Promise<Answer<Value>> {
  try {
    return { type: 'answered', value: await ask() };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return { type: 'missing', message: errorMessage(error) };
  }
}
