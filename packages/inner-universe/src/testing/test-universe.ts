import { createTestHost, type CrashPoint, type TestHost } from '@inner-universe/host/testing';
import { UuidV7Source, type Clock } from '@inner-universe/nerv';
import { makeWireTimestamp, type Op } from '@inner-universe/module/wire';
import { InnerUniverseClient } from '../client/inner-universe-client.ts';
import type { BatchingOptions } from '../client/request-queue.ts';
import { InnerUniverseConfig } from '../controller/config.ts';
import { InnerUniverseController } from '../controller/controller.ts';
import { findModule } from '../controller/module-bundle.ts';
import { ConnectionError, refusalOf } from '../errors.ts';
import type { Logger } from '../observability/logger.ts';
import { ObservedConnector } from '../observability/observed-connector.ts';
import { makeObserver } from '../observability/observer.ts';
import { openOutbox, type OpenedOutbox, type OutboxOptions } from '../offline/outbox-options.ts';
import type { Outbox } from '../offline/outbox.ts';
import { OpenedUniverse } from '../opened-universe.ts';
import type { Universe } from '../universe.ts';
import type { TestUniverseOptions } from './create-test-universe.ts';
import type { TestGrant } from './grants.ts';
import { SeededRandom } from './seeded-random.ts';
import { TestConnector } from './test-connector.ts';
import { TestNetwork } from './test-network.ts';
import { TestTime, TestWaiting } from './test-time.ts';

const SILENT_LOGGER: Logger = { log: () => undefined };
const OWNER = 'owner';
const SILENCE_MS = 60_000;
/** Turns of the event loop without any message after which nothing is on its way. */
const QUIET_TURNS = 8;
/** Turns after which something that never comes to rest is taken to be a fault of the test. */
const TURNS_MAX = 100_000;

/** How a universe of a test lives without its server. */
export interface TestOffline {
  /** Where its writes are kept, as `openUniverse` takes it. */
  readonly outbox?: string | Outbox | OutboxOptions | undefined;
  /** True: it is opened while its network is cut, as with `offline: 'allow'`; `restore` connects it. */
  readonly isCut?: boolean | undefined;
  /** How its writes share requests, as `openUniverse` takes it. */
  readonly batching?: BatchingOptions | undefined;
}

/** One universe that was opened, with what lies between it and the host. */
interface Opened {
  readonly universe: Universe;
  readonly network: TestNetwork;
  readonly waiting: TestWaiting;
}

/** A database of its own for one test, with the universes of several identities over it. Use `createTestUniverse`. */
export class TestUniverse implements AsyncDisposable {
  /** The host under it: its clock, its storage's faults, SQL past all clients, logs. */
  readonly host: TestHost;
  /** The test's clock: the module's, the clients', and that of everything that waits. */
  readonly clock: Clock;
  /** What decided all that is random here. */
  readonly seed: string;
  readonly #options: TestUniverseOptions;
  /** Tells forks apart, which must not make the same ids as what they come from. */
  readonly #lineage: string;
  readonly #time: TestTime;
  readonly #opened: Opened[] = [];
  #forks = 0;
  #connections = 0;
  #errors: unknown[] = [];
  #universe: Universe | undefined;
  #closing: Promise<void> | undefined;

  private constructor(host: TestHost, options: TestUniverseOptions, lineage: string) {
    this.host = host;
    this.seed = host.seed;
    this.#lineage = lineage;
    this.#options = options;
    this.#time = new TestTime(host.time);
    this.clock = this.#time;
    // Whoever ends the process: nobody is let in by it any more.
    host.onKilled(() => {
      for (const { network } of this.#opened) network.abandonAttempt();
    });
  }

  /** As `createTestUniverse`. */
  static async create(options: TestUniverseOptions): Promise<TestUniverse> {
    const { module = findModule(), seed, startMicros, shareRealm = true } = options;
    const host = await createTestHost({ module, seed, startMicros, shareRealm });
    return TestUniverse.#around(host, options, host.seed);
  }

  static async #around(host: TestHost, options: TestUniverseOptions, lineage: string): Promise<TestUniverse> {
    const test = new TestUniverse(host, options, lineage);
    try {
      test.#universe = await test.as(OWNER);
      return test;
    } catch (error) {
      await test.close();
      throw error;
    }
  }

  /** The owner's universe, who may do everything. */
  get universe(): Universe {
    if (this.#universe === undefined) throw new Error('The test universe has its owner\u2019s from the beginning.');
    return this.#universe;
  }

  /** What lies between the owner's universe and the host. */
  get network(): TestNetwork {
    return this.networkOf(this.universe);
  }

  /** What lies between a universe of this test and the host. @throws {TypeError} for any other */
  networkOf(universe: Universe): TestNetwork {
    const opened = this.#opened.find((one) => one.universe === universe);
    if (opened === undefined) throw new TypeError('This universe was not made by this test universe.');
    return opened.network;
  }

  /**
   * The universe of a named identity, over a connection of its own; the same name is always the same identity. The owner
   * grants it what is given first. `offline` gives it an outbox, and may open it while nobody is there. Closing the test
   * universe closes it.
   * @throws {ConnectionError} `connection/refused` for an identity that has no grant at all
   */
  async as(name: string, grants: readonly TestGrant[] = [], offline: TestOffline = {}): Promise<Universe> {
    if (grants.length > 0) await this.grant(name, grants);
    this.#connections += 1;
    const purpose = `${this.#lineage}/${name}/${this.#connections}`;
    const waiting = new TestWaiting({
      time: this.#time,
      random: new SeededRandom(`${purpose}/pauses`),
      canConnect: () => this.host.isAlive && !network.isImpaired,
    });
    const network = new TestNetwork({ onRestored: () => waiting.wake() });
    if (offline.isCut === true) network.cut();
    const { logger = SILENT_LOGGER } = this.#options;
    const { telemetry, onError } = makeObserver(
      { logger, onError: (error) => void this.#errors.push(error) },
      { database: this.host.databaseName, clock: this.#time, nowMs: waiting.nowMs.bind(waiting) },
    );
    const connector = new TestConnector({ host: this.host, network, time: this.#time, name, onListenerError: onError });
    const { source, reconnectForMs, cache } = this.#options;
    const { databaseName: database } = this.host;
    const config = InnerUniverseConfig.from({ memory: true, database, source, reconnectForMs, cache });
    const { host } = this;
    const borrowed = {
      connector,
      get host() {
        return host.host;
      },
    };
    const controller = new InnerUniverseController(config, onError, borrowed);
    const outbox = offline.outbox === undefined ? undefined : await this.#openOutbox(name, offline.outbox, onError);
    const client = await InnerUniverseClient.open({
      connector: new ObservedConnector(await controller.startServerMode(), telemetry),
      database,
      clock: this.#time,
      timers: this.#time,
      ids: new UuidV7Source(this.#time, new SeededRandom(`${purpose}/ids`)),
      waiting,
      onError,
      telemetry,
      reconnectForMs,
      cache: config.cache,
      silenceMs: this.#options.silenceMs ?? SILENCE_MS,
      // Or moving the clock by days would be thousands of questions.
      asksWhenIdle: this.#options.silenceMs !== undefined,
      outbox,
      mayStartLost: offline.isCut,
      batching: offline.batching,
    });
    const universe = new OpenedUniverse(controller, client, { onError, source });
    this.#opened.push({ universe, network, waiting });
    return universe;
  }

  #openOutbox(
    name: string,
    given: NonNullable<TestOffline['outbox']>,
    onError: (error: unknown) => void,
  ): Promise<OpenedOutbox> {
    // Any text that is the same for the same identity does.
    const use = { target: 'the test host', database: this.host.databaseName, token: this.identityOf(name), onError };
    return openOutbox(given, use);
  }

  /** Grants a named identity rights, as the owner. */
  async grant(name: string, grants: readonly TestGrant[]): Promise<void> {
    const subject = this.identityOf(name);
    const ops = grants.map(({ action, resource, scope = '', expiresAt }): Op => {
      const micros = expiresAt === undefined ? undefined : BigInt(expiresAt.getTime()) * 1000n;
      const end = micros === undefined ? undefined : makeWireTimestamp(micros);
      return { tag: 'grant', value: { subject, action, resource, scope, expiresAt: end } };
    });
    await this.universe.client.write(ops);
  }

  /** Takes rights back from a named identity, as the owner. */
  async revoke(name: string, grants: readonly TestGrant[]): Promise<void> {
    const subject = this.identityOf(name);
    const ops = grants.map(({ action, resource, scope = '' }): Op => {
      return { tag: 'revoke', value: { subject, action, resource, scope } };
    });
    await this.universe.client.write(ops);
  }

  /** The identity that a name stands for, as 64 hexadecimal digits. */
  identityOf(name: string): string {
    return this.host.identityOf(name).toString(16).padStart(64, '0');
  }

  /**
   * Moves the clock, and with it everything that waits: schedules of the module, delayed messages, pauses before
   * connecting again, timeouts. What becomes due runs in order, each at its own time, and what it sets off runs before
   * the clock goes on. @throws {RangeError} for a negative time
   */
  async advance(delayMs: number): Promise<void> {
    if (!(delayMs >= 0)) throw new RangeError(`the clock can be moved on by 0 ms or more, not by ${delayMs}`);
    const { time } = this.host;
    const endMicros = time.nowMicros() + BigInt(Math.round(delayMs * 1000));
    for (;;) {
      await this.#quiet();
      const nextMicros = time.nextDueMicros;
      if (nextMicros === undefined || nextMicros > endMicros) break;
      const nowMicros = time.nowMicros();
      time.advance(nextMicros > nowMicros ? nextMicros - nowMicros : 0n);
    }
    time.advance(endMicros - time.nowMicros());
    await this.#quiet();
  }

  /**
   * Resolves when nothing is on its way any more and every universe whose network is not hindered has been told all that
   * was committed before this call. Who waits for the clock is not waited for.
   */
  async settle(): Promise<void> {
    await this.#quiet();
    await this.#catchUp();
    await this.#quiet();
  }

  /** What went wrong where nobody waited for it: what handlers threw, what failed in the background. Empties the list. */
  takeErrors(): readonly unknown[] {
    const errors = this.#errors;
    this.#errors = [];
    return errors;
  }

  /**
   * Kills the host now, as `kill -9` does: nothing more becomes durable and every connection is lost. Calls wait until
   * `restart`.
   */
  crash(): void {
    this.host.crash();
  }

  /**
   * Kills the host at the n-th commit to come (1 is the next): `before` it is durable, or `after` it is and before
   * anybody is told. Resolves when that has happened. @throws {RangeError}
   */
  crashAt(point: CrashPoint): Promise<void> {
    return this.host.crashAt(point);
  }

  /**
   * Starts the host anew, killing it if it still runs: what was durable is there. Resolves when the universes whose
   * network is not hindered are connected again. Starting and connecting commit as well: a crash that is planned for one
   * of these commits kills the host again, and `host.isAlive` says so.
   */
  async restart(): Promise<void> {
    await this.host.restart();
    for (const { waiting } of this.#opened) waiting.wake();
    await this.#catchUp();
  }

  /**
   * An independent test universe that goes on from here: same data, identities and time; a clock and connections of its
   * own, and nobody connected but the owner. The caller closes it.
   */
  async fork(): Promise<TestUniverse> {
    this.#forks += 1;
    return TestUniverse.#around(await this.host.fork(), this.#options, `${this.#lineage}/fork-${this.#forks}`);
  }

  /**
   * Closes the universes, then the database. Writes that cannot get through are rejected, also where the host dies or is
   * slow only now. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const open = new Set(this.#opened);
    const closing = Promise.all(
      this.#opened.map((opened) => opened.universe.close().finally(() => void open.delete(opened))),
    );
    const closed = closing.then(
      () => true,
      () => true,
    );
    try {
      // Nobody moves the clock any more: what needs that to get through does not.
      do this.#endHindered(open);
      while (!(await Promise.race([closed, afterTurn()])));
      await closing;
    } finally {
      await this.host.close();
    }
  }

  #endHindered(open: Iterable<Opened>): void {
    const { isAlive, storage } = this.host;
    for (const { network } of open) if (!isAlive || storage.isSlow || network.isImpaired) network.end();
  }

  /**
   * Has everybody told what was committed before this call, as far as that can be done now: whose network is hindered,
   * whose host died meanwhile, or who waits for the clock, is not waited for.
   */
  async #catchUp(): Promise<void> {
    const isOver = { value: false };
    const within = this.#opened.filter(({ network }) => !network.isImpaired);
    const told = Promise.all(within.map((opened) => this.#catchUpOne(opened, isOver)));
    try {
      await Promise.race([told, this.#quiet()]);
    } finally {
      isOver.value = true;
      told.catch(() => undefined);
    }
  }

  async #catchUpOne({ universe, network }: Opened, isOver: { readonly value: boolean }): Promise<void> {
    while (!isOver.value && this.host.isAlive && !network.isImpaired) {
      try {
        await catchUp(universe);
        return;
      } catch (error) {
        // An attempt that failed is followed by another one.
        if (!(error instanceof ConnectionError) || !error.retryable) throw error;
        await afterTurn();
      }
    }
  }

  /** Resolves when no message has moved for some turns of the event loop. */
  async #quiet(): Promise<void> {
    let messages = -1;
    let quietTurns = 0;
    for (let turn = 0; quietTurns < QUIET_TURNS; turn += 1) {
      if (turn > TURNS_MAX) throw new Error('Messages did not come to an end: does a handler answer itself for ever?');
      await Promise.all(this.#opened.map(({ network }) => network.attempted()));
      const now = this.#countMessages();
      quietTurns = now === messages ? quietTurns + 1 : 0;
      messages = now;
      await afterTurn();
    }
  }

  #countMessages(): number {
    let count = 0;
    for (const { network } of this.#opened) count += network.messages.toHost + network.messages.toClient;
    return count;
  }
}

function afterTurn(): Promise<false> {
  return new Promise((resolve) => setImmediate(() => resolve(false)));
}

/** Somebody whose grants have ended is told nothing more: that is no fault of the test. */
async function catchUp({ client }: Universe): Promise<void> {
  if (client.state === 'closed') return;
  try {
    await client.catchUp();
  } catch (error) {
    if (refusalOf(error)?.code !== 'permission/denied') throw error;
  }
}
