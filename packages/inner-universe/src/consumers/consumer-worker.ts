/*
 * A worker: takes part in a consumer, holds its share of the partitions, and gives up what is others'. Invariants:
 * - Rounds run one after the other; only a round claims, releases, or decides whether a partition was lost.
 * - A partition is claimed again only when nothing of its last run is running here any more.
 * - Leases are the module's to judge: this worker renews three times in each, and claims what no worker holds.
 */
import {
  identityHex,
  type ConsumerDeadLetterRow,
  type ConsumerPartitionRow,
  type ConsumersPage,
  type Op,
} from '@inner-universe/module/wire';
import { NervError, systemTimers } from '@inner-universe/nerv';
import type { ModuleClient } from '../client/client.ts';
import { pages } from '../client/reads.ts';
import type { RefusedError } from '../errors.ts';
import { claimable, shareOf } from './assignment.ts';
import { Bell } from './bell.ts';
import type { ConsumerDefinition } from './definition.ts';
import type { LogPass } from './log-pass.ts';
import { isPassing, type OpSender } from './op-sender.ts';
import { AGAIN_MAX } from './partition-letters.ts';
import type { PartitionRun } from './partition-run.ts';
import { watchRows } from './row-signals.ts';

/** What a worker works with. */
export interface WorkerParts {
  readonly client: ModuleClient;
  readonly definition: ConsumerDefinition;
  readonly sender: OpSender;
  readonly pass: LogPass;
  readonly leaseMs: number;
  /** The label under which it takes part; nobody else's. */
  readonly holder: string;
  readonly makeRun: (row: ConsumerPartitionRow) => PartitionRun;
}

/** How many renewals fit into a lease. */
const ROUNDS_PER_LEASE = 3;
/** How many positions of the log that are nothing for a partition are passed before that is stored. */
const PASSED_MAX = 1_000n;
/** After how many rounds letters are looked through, where nothing tells of them. */
const ROUNDS_PER_REVIEW = 6;

/** How far a partition is, as somebody here knows it. */
interface Position {
  readonly partition: number;
  readonly position: bigint;
}

/** One worker of a consumer, from joining to leaving. */
export class ConsumerWorker {
  readonly #parts: WorkerParts;
  readonly #bell: Bell;
  readonly #runs = new Map<number, PartitionRun>();
  readonly #gauges = new Map<number, () => void>();
  #failure: { readonly error: unknown } | undefined;
  #isStopping = false;
  #tellStopping: () => void = () => undefined;
  /** Resolves when it was told to stop, or has failed. */
  readonly stopping: Promise<void> = new Promise((resolve) => (this.#tellStopping = resolve));
  /** Whether the lease is to be renewed by the next round. */
  #isDue = true;
  /** Whether the next round looks who holds what. */
  #isLookDue = true;
  /** Whether some partition has passed so much that it is to be stored. */
  #isPassDue = false;
  #isReviewDue = true;
  #roundsToReview = 0;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#bell = new Bell(parts.client.timers ?? systemTimers);
  }

  /** The partitions held here. */
  get runs(): ReadonlyMap<number, PartitionRun> {
    return this.#runs;
  }

  /** Takes part until `stop`. @throws what ended it */
  async run(): Promise<void> {
    const { client, definition, leaseMs } = this.#parts;
    const { timers = systemTimers } = client;
    let cancelTimer: () => void = () => undefined;
    const stopWatching = await watchRows(client, definition.name, {
      onFree: () => this.wake(),
      onWorkers: () => this.wake(),
      onLetters: () => this.review(),
    });
    const stopStates = client.onState(({ state }) => {
      // Without its connection it takes part no longer.
      if (state === 'connected') this.#rejoin();
    });
    try {
      while (!this.#isDone) {
        const due = this.#takeDue();
        const { isDue } = due;
        if (isDue) {
          // However often it is woken in between.
          cancelTimer();
          cancelTimer = timers.schedule(() => this.#rejoin(), leaseMs / ROUNDS_PER_LEASE);
        }
        await this.#attemptRound(due);
        if (!this.#isDone) await this.#bell.wait();
      }
      await this.#leave();
    } finally {
      cancelTimer();
      stopStates();
      stopWatching();
    }
    this.throwFailure();
  }

  /** Throws what ended it, if something did. */
  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Finishes what is being handled, gives the partitions back, and ends. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#tellStopping();
    for (const run of this.#runs.values()) run.drain();
    this.#parts.sender.hurry();
    this.wake();
  }

  /** Stops because of an error, which `run` throws. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.stop();
  }

  /** Looks again, soon: a lease is in doubt, or a run has ended. */
  wake(): void {
    this.#isLookDue = true;
    this.#bell.ring();
  }

  /** Partitions were given everything up to some place, which is stored where it is far from what is. */
  passed(): void {
    if (this.#isPassDue || ![...this.#runs.values()].some(hasPassedFar)) return;
    this.#isPassDue = true;
    this.#bell.ring();
  }

  /**
   * Whether others have moved a partition on beyond a position while we were away; its run ends then. The lease tells it
   * as well, only later: what was trimmed behind the others must not end the whole consumer before.
   */
  async isOutdated({ partition, position }: Position): Promise<boolean> {
    const run = this.#runs.get(partition);
    if (run === undefined || run.lease.isLost) return true;
    const row = (await this.#readPartitions()).find((one) => one.partition === partition);
    if (row === undefined || row.offset <= position) return false;
    run.lose();
    this.wake();
    return true;
  }

  /** Looks through the letters, soon. */
  review(): void {
    this.#isReviewDue = true;
    this.wake();
  }

  /** Renews the lease, soon. */
  #rejoin(): void {
    this.#isDue = true;
    this.wake();
  }

  get #isDone(): boolean {
    return this.#isStopping && this.#runs.size === 0;
  }

  #takeDue(): Due {
    const due = { isDue: this.#isDue, isLookDue: this.#isLookDue, isPassDue: this.#isPassDue };
    this.#isDue = this.#isLookDue = this.#isPassDue = false;
    return due;
  }

  async #attemptRound({ isDue, isLookDue, isPassDue }: Due): Promise<void> {
    try {
      // A renewal stores it as well.
      if (isPassDue && !isDue) await this.#advance([...this.#runs.values()].filter(hasPassedFar));
      if (isDue || isLookDue) await this.#round(isDue);
    } catch (error) {
      const mayPass = isPassing(error);
      this.#isDue = true;
      if (!mayPass && !(this.#isStopping && isClosed(error))) this.fail(error);
      if (mayPass) this.#parts.client.telemetry.log('warn', 'a consumer waits for the server', { code: error.code });
      // Whoever stops waits for nothing: what was held becomes free with its lease or its connection.
      if (this.#isStopping) this.#loseAll();
    }
  }

  async #round(isDue: boolean): Promise<void> {
    await this.#releaseEnded();
    if (this.#isDone) return;
    if (isDue) await this.#renew();
    const rows = await this.#readPartitions();
    this.#decide(rows);
    const claims = [...this.#freed(rows), ...(this.#isStopping ? [] : await this.#balance(rows))];
    if (claims.length > 0) await this.#claim(claims);
    if (this.#runs.size > 0) await this.#reviewLetters(isDue);
    for (const run of this.#runs.values()) this.#start(run);
  }

  /** Takes part, and keeps the partitions, for another lease. */
  async #renew(): Promise<void> {
    const { definition, holder, sender } = this.#parts;
    const join: Op = { tag: 'joinConsumer', value: { name: definition.name, holder, leaseMicros: this.#leaseMicros } };
    const renewals = makeAdvances([...this.#runs.values()], (run, sent) => run.makeRenewal(sent));
    const refusal = (await sendAdvances(sender, renewals, [join])).get(join);
    if (refusal !== undefined) throw refusal;
    // Where it was not known how much waits.
    this.#parts.pass.count();
  }

  /** Stores how far some partitions are. */
  async #advance(runs: readonly PartitionRun[]): Promise<void> {
    const advances = makeAdvances(runs, (run, sent) => run.makeRenewal(sent));
    if (advances.size > 0) await sendAdvances(this.#parts.sender, advances);
  }

  /** Goes on with partitions that are ours, and ends the runs of others'. */
  #decide(rows: readonly ConsumerPartitionRow[]): void {
    for (const run of this.#runs.values()) {
      const { lease, partition } = run;
      const row = rows.find((one) => one.partition === partition);
      if (lease.isLost || (row !== undefined && isFreed(row, lease.epoch))) continue;
      // With our label on it, the next epoch is a claim of our own.
      const isOurs = row !== undefined && this.#isOurs(row) && row.epoch - lease.epoch <= 1n;
      if (!isOurs) run.lose();
      else if (row.epoch !== lease.epoch) lease.adopt(row.epoch);
      else lease.settle();
    }
  }

  /** Partitions that were ours, and that nobody has claimed since they were freed. */
  #freed(rows: readonly ConsumerPartitionRow[]): readonly ConsumerPartitionRow[] {
    return rows.filter((row) => {
      const run = this.#runs.get(row.partition);
      return run !== undefined && !run.isEnded && !run.lease.isLost && isFreed(row, run.lease.epoch);
    });
  }

  /** Lets go what is beyond our share, and gives what is to be claimed for it. */
  async #balance(rows: readonly ConsumerPartitionRow[]): Promise<readonly ConsumerPartitionRow[]> {
    const { client, definition, holder: self } = this.#parts;
    const { workers } = await client.read('readConsumerWorkers', { name: definition.name });
    const membership = { workers: workers.map(({ holder }) => holder), self };
    if (!membership.workers.includes(self)) {
      // Its lease ended, or its connection did: what it holds it keeps until that is known for sure.
      this.#rejoin();
      return [];
    }
    const share = shareOf(membership, definition.partitions);
    const held = [...this.#runs.values()].filter((run) => !run.isDraining && !run.lease.isLost);
    for (const run of held.slice(share)) run.drain();
    if (held.length >= share) return [];
    const others = claimable(rows, membership).filter(({ partition }) => !this.#runs.has(partition));
    return others.slice(0, share - held.length);
  }

  async #claim(rows: readonly ConsumerPartitionRow[]): Promise<void> {
    const { definition, holder, sender } = this.#parts;
    const ops = rows.map(({ partition }): Op => {
      const value = { name: definition.name, partition, holder, leaseMicros: this.#leaseMicros };
      return { tag: 'claimPartition', value };
    });
    const refused = await sender.sendEach(ops, () => true);
    // That somebody else was faster, or that a lease has not ended yet, is no error.
    for (const refusal of refused.values()) if (refusal.code !== 'consumer/leased') throw refusal;
    const claimed = await this.#readPartitions();
    this.#decide(claimed);
    for (const { partition } of rows) {
      const row = claimed.find((one) => one.partition === partition);
      if (row !== undefined && this.#isOurs(row) && !this.#runs.has(partition)) this.#add(row);
    }
  }

  #add(row: ConsumerPartitionRow): void {
    const { client, definition, pass } = this.#parts;
    const { partition } = row;
    const run = this.#parts.makeRun(row);
    const lag = (): number => run.waitingCount + pass.unreadOf(run);
    const stop = client.telemetry.observe('events.consumer_lag', lag, { consumer: definition.name, partition });
    this.#runs.set(partition, run);
    this.#gauges.set(partition, stop);
    // Where a partition stands, its letters say.
    this.#isReviewDue = true;
    // It was told to stop while the claim was on its way: what came of it is given back at once.
    if (this.#isStopping) run.drain();
  }

  #start(run: PartitionRun): void {
    if (run.isStarted) return;
    run.start();
    this.#parts.pass.add(run);
  }

  /** Looks through the letters where something tells of them, where somebody is to decide, and now and then. */
  async #reviewLetters(isDue: boolean): Promise<void> {
    if (isDue) this.#roundsToReview -= 1;
    const runs = [...this.#runs.values()].filter((run) => !run.isEnded && !run.lease.isLost);
    const mustDecide = isDue && runs.some((run) => run.letters.stopped !== undefined);
    if (!this.#isReviewDue && !mustDecide && this.#roundsToReview > 0) return;
    this.#isReviewDue = false;
    this.#roundsToReview = ROUNDS_PER_REVIEW;
    const versions = new Map(runs.map((run) => [run, run.letters.version]));
    const found = await this.#readLetters(runs);
    for (const [run, version] of versions) {
      const { offset } = run.lease;
      const isTaken = run.letters.take(found.get(run.partition) ?? [], { offset, version });
      if (isTaken) run.review();
      else this.#isReviewDue = true;
    }
  }

  /** The letters that tell their holders something, by partition. */
  async #readLetters(runs: readonly PartitionRun[]): Promise<ReadonlyMap<number, readonly ConsumerDeadLetterRow[]>> {
    const { client, definition } = this.#parts;
    const offsets = new Map(runs.map((run) => [run.partition, run.lease.offset]));
    const found = new Map<number, ConsumerDeadLetterRow[]>();
    const read = (cursor: string): Promise<ConsumersPage> =>
      client.read('readConsumers', { name: definition.name, cursor, limit: 0 });
    for await (const { deadLetters } of pages(read)) {
      for (const letter of deadLetters) {
        const offset = offsets.get(letter.partition);
        const isAhead = offset !== undefined && letter.seq > offset && definition.failurePolicy === 'stop';
        if (offset === undefined || !(letter.attempts === 0 || isAhead)) continue;
        const letters = found.get(letter.partition) ?? [];
        found.set(letter.partition, letters);
        // Those that are to be handled again and have no room wait until these are done.
        if (isAhead || letters.length < AGAIN_MAX) letters.push(letter);
      }
    }
    return found;
  }

  /** Gives back partitions whose runs have ended. */
  async #releaseEnded(): Promise<void> {
    const ended = this.#takeEnded().filter(({ lease }) => !lease.isLost);
    if (ended.length === 0) return;
    const { definition, sender } = this.#parts;
    // Whoever goes on needs not look again at what was nothing for it, and a log that is held may be trimmed.
    const advances = makeAdvances(ended, (run, sent) => run.makeLastAdvance(sent));
    const releases = ended.map(({ partition, lease }): Op => {
      return { tag: 'releasePartition', value: { name: definition.name, partition, epoch: lease.epoch } };
    });
    // One that is refused was not ours any more.
    await sendAdvances(sender, advances, releases);
  }

  #takeEnded(): readonly PartitionRun[] {
    const ended = [...this.#runs.values()].filter((run) => run.isEnded);
    for (const run of ended) {
      this.#runs.delete(run.partition);
      this.#parts.pass.remove(run);
      this.#gauges.get(run.partition)?.();
      this.#gauges.delete(run.partition);
    }
    return ended;
  }

  #loseAll(): void {
    for (const run of this.#runs.values()) {
      run.lose();
      this.#start(run);
    }
    this.#takeEnded();
  }

  /** Takes part no longer. Where nobody can be told, the lease tells it. */
  async #leave(): Promise<void> {
    const { definition, holder, sender, client } = this.#parts;
    const op: Op = { tag: 'leaveConsumer', value: { name: definition.name, holder } };
    try {
      await sender.sendEach([op], () => true);
    } catch (error) {
      client.telemetry.log('debug', 'a consumer could not say that it leaves', { reason: String(error) });
    }
  }

  async #readPartitions(): Promise<readonly ConsumerPartitionRow[]> {
    const { client, definition } = this.#parts;
    return (await client.read('readConsumers', { name: definition.name, cursor: '', limit: 1 })).partitions;
  }

  #isOurs({ holder, holderIdentity }: ConsumerPartitionRow): boolean {
    return holder === this.#parts.holder && identityHex(holderIdentity) === this.#parts.client.identity;
  }

  get #leaseMicros(): bigint {
    return BigInt(Math.round(this.#parts.leaseMs * 1000));
  }
}

/** What the next round is to do. */
interface Due {
  readonly isDue: boolean;
  readonly isLookDue: boolean;
  readonly isPassDue: boolean;
}

/** Advances, and who is told whether they were applied. */
type Advances = ReadonlyMap<Op, (isApplied: boolean) => void>;

function makeAdvances(
  runs: readonly PartitionRun[],
  make: (run: PartitionRun, sent: Promise<boolean>) => Op | undefined,
): Advances {
  const advances = new Map<Op, (isApplied: boolean) => void>();
  for (const run of runs) {
    let settle: (isApplied: boolean) => void = () => undefined;
    const op = make(run, new Promise((resolve) => (settle = resolve)));
    if (op !== undefined) advances.set(op, settle);
  }
  return advances;
}

/** Sends advances and then other ops, and tells what became of the advances. Gives what was refused. */
async function sendAdvances(
  sender: OpSender,
  advances: Advances,
  others: readonly Op[] = [],
): Promise<ReadonlyMap<Op, RefusedError>> {
  let refused: ReadonlyMap<Op, RefusedError> | undefined;
  try {
    refused = await sender.sendEach([...advances.keys(), ...others], () => true);
    return refused;
  } finally {
    for (const [op, settle] of advances) settle(refused?.has(op) === false);
  }
}

function hasPassedFar(run: PartitionRun): boolean {
  return run.passedCount >= PASSED_MAX;
}

/** Whether a partition is free, and was not claimed since that epoch. */
function isFreed({ holder, epoch }: ConsumerPartitionRow, since: bigint): boolean {
  return holder === '' && epoch === since;
}

function isClosed(error: unknown): boolean {
  return error instanceof NervError && (error.code === 'universe/closed' || error.code === 'connection/closed');
}
