import type { Op } from '@inner-universe/module/wire';
import type { Timers } from '@inner-universe/nerv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeCallError } from '../errors.ts';
import { Keeper } from '../offline/keeper.ts';
import { Ledger } from '../offline/ledger.ts';
import { makeStorageFailed } from '../offline/outbox-errors.ts';
import { SurvivingOutbox } from '../offline/test/surviving-outbox.ts';
import type { KeepingOptions } from './request-queue-keeping.ts';
import { RequestQueue, type OutgoingRequest, type RequestQueueOptions } from './request-queue.ts';

/** RUNS= multiplies the runs. */
const RUNS = 150 * Number(process.env['RUNS'] ?? 1);

const opOf = (id: string): Op => ({ tag: 'deleteTag', value: { store: 's', name: id } });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const isChain = (op: Op | undefined): op is Extract<Op, { tag: 'afterRequest' }> => op?.tag === 'afterRequest';
const idsOf = (ops: readonly Op[]): string[] =>
  ops.filter((op) => !isChain(op)).map(({ value }) => (value as { name: string }).name);

/** The module, as far as requests go: a request is applied once, after the one it names, whole or not at all. */
class FakeModule {
  readonly applied: string[] = [];
  readonly requests = new Set<string>();
  readonly #isBad: (id: string) => boolean;
  /** So many requests are refused because they come too fast. */
  tooFast = 0;
  onApply: (id: string) => void = () => undefined;

  constructor(isBad: (id: string) => boolean) {
    this.#isBad = isBad;
  }

  /** The text of a refusal; undefined: it was applied, now or before. */
  apply({ requestId, ops }: OutgoingRequest): string | undefined {
    if (this.requests.has(requestId)) return undefined;
    expect(ops.length).toBeLessThanOrEqual(1_000);
    if (this.tooFast > 0) {
      this.tooFast -= 1;
      return refusalText('limit/rate', null, []);
    }
    const ids = idsOf(ops);
    const [first] = ops;
    if (isChain(first) && !this.requests.has(first.value.requestId))
      return refusalText('request/out-of-order', 0, [first.value.requestId]);
    const bad = ops.findIndex((op) => !isChain(op) && this.#isBad((op.value as { name: string }).name));
    if (bad !== -1) return refusalText('event/id-taken', bad, idsOf(ops.slice(bad, bad + 1)));
    for (const id of ids) {
      this.onApply(id);
      this.applied.push(id);
    }
    this.requests.add(requestId);
    return undefined;
  }
}

function refusalText(code: string, op: number | null, ids: readonly string[]): string {
  return JSON.stringify({ code, op, ids, details: {}, message: `${code} ${ids.join(' ')}` });
}

interface Call {
  readonly request: OutgoingRequest;
  readonly settle: (refusal: string | undefined) => void;
}

/** The way to the module and back: what is on it arrives when a test says so, and may be lost, doubled or overtaken. */
class FakeNetwork {
  readonly #module: FakeModule;
  /** On their way to the module, and answers on their way back. */
  #messages: Call[] = [];
  #answers: (() => void)[] = [];
  /** What an earlier connection still holds: it may arrive, and nobody hears what became of it. */
  #ghosts: Call[] = [];
  #open = new Set<Call>();
  readonly sent: OutgoingRequest[] = [];
  onTheirWayMax = 0;
  isDead = false;

  constructor(module: FakeModule) {
    this.#module = module;
  }

  get hasWork(): boolean {
    return this.#messages.length + this.#answers.length > 0;
  }

  send(request: OutgoingRequest): Promise<void> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        request,
        settle: (refusal) => {
          if (this.isDead || !this.#open.delete(call)) return;
          if (refusal === undefined) resolve();
          else reject(makeCallError('apply', refusal));
        },
      };
      this.#open.add(call);
      this.onTheirWayMax = Math.max(this.onTheirWayMax, this.#open.size);
      this.#messages.push(call);
      this.sent.push(request);
    });
  }

  deliver(): void {
    const call = this.#messages.shift();
    if (call !== undefined) this.#take(call);
  }

  answer(): void {
    this.#answers.shift()?.();
  }

  /** What was on its way may come later, or never; every call that has no answer is made again, in order. */
  lose(keepsGhosts: boolean): void {
    this.#ghosts = keepsGhosts ? [...this.#ghosts, ...this.#messages] : this.#ghosts;
    this.#answers = [];
    this.#messages = this.isDead ? [] : [...this.#open];
  }

  haunt(): void {
    const ghost = this.#ghosts.shift();
    if (ghost !== undefined) this.#module.apply(ghost.request);
  }

  swap(): void {
    const [first, second] = this.#messages;
    if (first !== undefined && second !== undefined) this.#messages.splice(0, 2, second, first);
  }

  /** A copy arrives before it. One that came after a refusal for a time might be taken, in any order of requests. */
  double(): void {
    const [first] = this.#messages;
    if (first !== undefined) this.#module.apply(first.request);
  }

  #take(call: Call): void {
    const refusal = this.#module.apply(call.request);
    this.#answers.push(() => call.settle(refusal));
  }
}

/** Timers that go off when a test says so. */
class ManualTimers implements Timers {
  readonly #callbacks = new Set<() => void>();

  schedule(callback: () => void): () => void {
    const once = (): void => void (this.#callbacks.delete(once) && callback());
    this.#callbacks.add(once);
    return () => void this.#callbacks.delete(once);
  }

  fire(): void {
    for (const callback of [...this.#callbacks]) callback();
  }
}

/** `none`: no outbox. */
type Mode = 'none' | 'offline' | 'always' | 'stop';

type WriteKind = 'plain' | 'bad' | 'own id' | 'known id' | 'in turn' | 'later';

type Step =
  | { readonly type: 'write'; readonly kind: WriteKind; readonly size: number; readonly pause?: boolean }
  | { readonly type: 'kill' | 'away' | 'back' | 'decide' | 'too fast' | 'fire' }
  | { readonly type: 'deliver' | 'answer' | 'lose' | 'haunt' | 'swap' | 'double' };

const writing = (mode: Mode): fc.Arbitrary<Step> => {
  const kinds: WriteKind[] = ['plain', 'plain', 'plain', 'plain', 'bad', 'own id', 'known id', 'later'];
  // With `offline` a part may come too fast before the write is kept: after a crash it would be sent behind the others.
  if (mode !== 'offline') kinds.push('in turn');
  return fc.record({
    type: fc.constant('write' as const),
    kind: fc.constantFrom(...kinds),
    size: fc.integer({ min: 1, max: 3 }),
    pause: fc.boolean(),
  });
};
const happening = (...types: Exclude<Step['type'], 'write'>[]): fc.Arbitrary<Step> =>
  fc.record({ type: fc.constantFrom(...types) }) as fc.Arbitrary<Step>; // each of these is a step

const steps = (mode: Mode): fc.Arbitrary<readonly Step[]> => {
  const rare: Exclude<Step['type'], 'write'>[] = ['lose', 'haunt', 'swap', 'double', 'fire'];
  if (mode !== 'none') rare.push('kill', 'away', 'back', 'decide', 'too fast');
  return fc.array(
    fc.oneof(
      { weight: 5, arbitrary: writing(mode) },
      { weight: 6, arbitrary: happening('deliver', 'answer') },
      { weight: 3, arbitrary: happening(...rare) },
    ),
    { minLength: 10, maxLength: 80 },
  );
};

interface Written {
  readonly n: number;
  readonly kind: WriteKind;
  readonly ids: readonly string[];
  /** It was answered, or the outbox said that it is kept. */
  isAccepted: boolean;
  outcome: 'applied' | 'refused' | undefined;
}

interface Setting {
  readonly mode: Mode;
  readonly requestsMax: number;
  readonly opsMax: number;
}

/** An application that writes, over a network that fails, to a module; it may be killed and started again. */
class Application {
  readonly written: Written[] = [];
  readonly module: FakeModule = new FakeModule((id) => id.startsWith('bad'));
  readonly store: SurvivingOutbox = new SurvivingOutbox();
  readonly #setting: Setting;
  readonly #decided = new Set<number>();
  /** Not kept when its maker was killed, as far as is known. */
  readonly #lost = new Set<number>();
  readonly #wrong: unknown[] = [];
  #timers = new ManualTimers();
  #ids = 0;
  network: FakeNetwork = new FakeNetwork(this.module);
  queue: RequestQueue;
  keeper: Keeper | undefined;

  private constructor(setting: Setting) {
    this.#setting = setting;
    this.queue = new RequestQueue(this.#queueOptions(undefined));
  }

  static async start(setting: Setting): Promise<Application> {
    const application = new Application(setting);
    await application.#open();
    return application;
  }

  async take(step: Step): Promise<void> {
    const { network, module } = this;
    const { keeping } = this.queue;
    if (step.type === 'write') this.#write(step.kind, step.size);
    else if (step.type === 'kill') await this.#kill();
    else if (step.type === 'away') keeping?.setAway(true, undefined);
    else if (step.type === 'back') keeping?.setAway(false, undefined);
    else if (step.type === 'decide') await this.#decide();
    else if (step.type === 'too fast') module.tooFast += 2;
    else if (step.type === 'fire') this.#timers.fire();
    // The same goes for what an earlier connection still holds.
    else if (step.type === 'lose') network.lose(this.#setting.mode === 'none');
    else network[step.type]();
    // Somebody may be killed before a disk has written.
    if (step.type === 'write' && step.pause === false) for (let tick = 0; tick < 9; tick += 1) await Promise.resolve();
    else await turn();
    this.#noteKept();
  }

  /** Until everything is answered. */
  async finish(): Promise<void> {
    this.module.tooFast = 0;
    for (let round = 0; round < 3_000; round += 1) {
      this.queue.keeping?.setAway(false, undefined);
      while (this.network.hasWork) {
        this.network.deliver();
        this.network.answer();
      }
      this.#timers.fire();
      await turn();
      await turn();
      await this.#decide();
      if (this.queue.length === 0 && (await this.#isIdle())) return;
    }
    throw new Error('it does not come to an end');
  }

  async #isIdle(): Promise<boolean> {
    const isIdle = await Promise.race([this.queue.idle().then(() => true), turn().then(() => false)]);
    return isIdle && (this.keeper?.ledger.firstRejected() === undefined || this.#setting.mode !== 'stop');
  }

  check(): void {
    expect(this.#wrong).toEqual([]);
    const { applied } = this.module;
    const places = applied.map((id) => this.#placeOf(id));
    for (const [index, place] of places.entries()) if (index > 0) expect(place).toBeGreaterThan(places[index - 1]!);
    const set = new Set(applied);
    for (const { ids, kind, isAccepted, outcome } of this.written) {
      const there = ids.filter((id) => set.has(id));
      // Whole or not at all; groups that are written in turn each for itself.
      if (kind !== 'in turn') expect([0, ids.length]).toContain(there.length);
      if (kind === 'bad' || kind === 'known id') expect(there).toEqual([]);
      else if (isAccepted) expect(there).toEqual(ids);
      if (outcome !== undefined) expect(outcome).toBe(kind === 'bad' ? 'refused' : 'applied');
    }
  }

  #placeOf(id: string): number {
    const [n = 0, k = 0] = id.replace('bad', '').split('.').map(Number);
    return n * 100 + k;
  }

  #write(kind: WriteKind, size: number): void {
    const n = this.written.length;
    const ids = Array.from({ length: size }, (_, k) => `${kind === 'bad' && k === size - 1 ? 'bad' : ''}${n}.${k}`);
    const written: Written = { n, kind, ids, isAccepted: false, outcome: undefined };
    this.written.push(written);
    const ops = ids.map(opOf);
    const requestId = `own-${n}`;
    // Another process sent the same under this id before.
    if (kind === 'known id') this.module.requests.add(requestId);
    const { queue, network } = this;
    const promise =
      kind === 'own id' || kind === 'known id'
        ? queue.write(ops, { requestId })
        : kind === 'in turn'
          ? queue.writeInTurn(ops.map((op) => [op]))
          : kind === 'later'
            ? queue.writeLater(
                turn().then(() => [ops]),
                1,
              )
            : queue.write(ops);
    const end = (outcome: 'applied' | 'refused'): void => {
      written.isAccepted = true;
      written.outcome = outcome;
    };
    promise.then(
      () => end('applied'),
      (error: { code?: string; ids?: readonly string[]; op?: number }) => {
        // What is too fast passes where it is kept; where it is not, its caller is told. Nobody is told who is dead.
        if (error.code === 'limit/rate' || network.isDead) return;
        const isRight = error.code === 'event/id-taken' && error.ids?.[0] === ids.at(-1) && error.op === ids.length - 1;
        if (!isRight) this.#wrong.push(error);
        end('refused');
      },
    );
  }

  async #kill(): Promise<void> {
    this.store.kill();
    this.network.isDead = true;
    this.queue.stop(() => new Error('killed'));
    for (const { n, isAccepted } of this.written) if (!isAccepted) this.#lost.add(n);
    this.network = new FakeNetwork(this.module);
    this.#timers = new ManualTimers();
    await this.#open();
  }

  /** Gives up what was set aside first. */
  async #decide(): Promise<void> {
    const rejected = this.keeper?.ledger.firstRejected();
    if (rejected === undefined || this.#setting.mode !== 'stop') return;
    const [n = 0] = idsOf(rejected.parts.flat()).map((id) => Math.floor(this.#placeOf(id) / 100));
    this.#decided.add(n);
    await this.queue.discard(rejected.id);
  }

  async #open(): Promise<void> {
    const { mode } = this.#setting;
    if (mode === 'none') {
      this.queue = new RequestQueue(this.#queueOptions(undefined));
      return;
    }
    const records = await this.store.open({ target: 't', database: 'd', subject: 's' });
    const keeper = new Keeper(new Ledger(records, () => undefined), {
      nowMicros: () => 0n,
      makeId: () => `w${(this.#ids += 1)}`,
      onError: () => undefined,
    });
    this.keeper = keeper;
    this.queue = new RequestQueue(
      this.#queueOptions({
        keeper,
        mode: mode === 'offline' ? 'offline' : 'always',
        answerWithinMs: 1,
        onRejected: mode === 'stop' ? 'stop' : 'continue',
        writesMax: 1_000,
        bytesMax: 1_000_000,
        ephemeralForMs: 1,
        onError: () => undefined,
      }),
    );
    if (mode === 'stop') this.module.onApply = (id) => this.#checkNothingStops(id);
  }

  /** Nothing is applied behind a refused write that nobody has decided about. */
  #checkNothingStops(id: string): void {
    const place = this.#placeOf(id);
    for (const { n, kind } of this.written)
      if (kind === 'bad' && n * 100 < place && !this.#decided.has(n) && !this.#lost.has(n))
        throw new Error(`${id} went past bad ${n}`);
  }

  #noteKept(): void {
    const kept = new Set(this.keeper?.ledger.unconfirmed().flatMap((op) => idsOf([op])));
    for (const written of this.written) written.isAccepted ||= written.ids.every((id) => kept.has(id));
  }

  #queueOptions(keeping: KeepingOptions | undefined): RequestQueueOptions {
    const { requestsMax, opsMax } = this.#setting;
    const { network } = this;
    return {
      send: (request) => network.send(request),
      makeRequestId: () => `r${(this.#ids += 1)}`,
      nowMicros: () => 0n,
      timers: this.#timers,
      batching: { requestsMax, opsMax },
      isOrdered: () => true,
      keeping,
    };
  }
}

const write = (kind: WriteKind = 'plain', size = 1): Step => ({ type: 'write', kind, size });
const all = (...types: (Exclude<Step['type'], 'write'> | Step)[]): readonly Step[] =>
  types.map((type) => (typeof type === 'string' ? ({ type } as Step) : type)); // each of these is a step

/** Takes steps with two ops a request; then everything is answered. */
async function run(mode: Mode, taken: readonly Step[], requestsMax = 4): Promise<Application> {
  const application = await Application.start({ mode, requestsMax, opsMax: 2 });
  for (const step of taken) await application.take(step);
  return application;
}

async function runToEnd(mode: Mode, taken: readonly Step[], requestsMax = 4): Promise<Application> {
  const application = await run(mode, taken, requestsMax);
  await application.finish();
  application.check();
  return application;
}

/** One request of one op, one whose first op is refused, and a third: all on their way. */
const THREE: readonly Step[] = [write(), write('bad'), write(), write('plain', 2)];

describe('a request is sent before the last one is answered', () => {
  const sentOf = ({ network }: Application): string[][] => network.sent.map(({ ops }) => idsOf(ops));

  test('when it is full, and says which one it comes after', async () => {
    const application = await run('none', [write(), write(), write(), write(), write()]);
    expect(sentOf(application)).toEqual([['0.0'], ['1.0', '2.0'], ['3.0', '4.0']]);
    expect(application.network.sent.map(({ ops: [first] }) => (isChain(first) ? first.value.requestId : ''))).toEqual([
      '',
      'r1',
      'r2',
    ]);
    await application.take(write());
    expect(application.network.sent).toHaveLength(3);
    for (const step of all('deliver', 'deliver', 'deliver', 'answer', 'answer')) await application.take(step);
    expect(application.network.sent).toHaveLength(3);
    await application.take({ type: 'answer' });
    expect(sentOf(application).at(-1)).toEqual(['5.0']);
    expect(application.network.sent.at(-1)?.ops).toHaveLength(1);
  });

  test('up to the number that was asked for', async () => {
    const application = await run('none', [write(), ...Array.from({ length: 9 }, () => write('plain', 2))], 3);
    expect(application.network.sent).toHaveLength(3);
    for (const step of all('deliver', 'answer')) await application.take(step);
    expect(application.network.sent).toHaveLength(4);
  });

  test('not where the module does not keep their order', async () => {
    let isOrdered = false;
    const sent: string[][] = [];
    const queue = new RequestQueue({
      send: ({ ops }) => new Promise(() => void sent.push(idsOf(ops))),
      makeRequestId: () => 'r',
      nowMicros: () => 0n,
      batching: { opsMax: 1 },
      isOrdered: () => isOrdered,
    });
    for (const id of ['a', 'b']) queue.write([opOf(id)]).catch(() => undefined);
    await turn();
    expect(sent).toEqual([['a']]);
    isOrdered = true;
    queue.write([opOf('c')]).catch(() => undefined);
    await turn();
    expect(sent).toEqual([['a'], ['b'], ['c']]);
  });

  /** The sizes of requests as they are sent; the result answers the first that is not answered. */
  function makeSizes(): { queue: RequestQueue; sizes: number[]; answer: () => Promise<void> } {
    const sizes: number[] = [];
    const answers: (() => void)[] = [];
    const queue = new RequestQueue({
      send: ({ ops }) => new Promise((resolve) => sizes.push(ops.length) && answers.push(resolve)),
      makeRequestId: () => 'r',
      nowMicros: () => 0n,
      isOrdered: () => true,
    });
    const answer = async (): Promise<void> => {
      answers.shift()?.();
      await turn();
    };
    return { queue, sizes, answer };
  }

  test('not where the op that says what it comes after does not fit', async () => {
    const { queue, sizes, answer } = makeSizes();
    const ops = (count: number): Op[] => Array.from({ length: count }, (_, n) => opOf(String(n)));
    const written = [1, 1_000, 999, 1_000].map((count) => queue.write(ops(count)));
    await turn();
    expect(sizes).toEqual([1]);
    await answer();
    expect(sizes).toEqual([1, 1_000, 1 + 999]);
    await answer();
    expect(sizes).toHaveLength(3);
    await answer();
    expect(sizes).toEqual([1, 1_000, 1 + 999, 1_000]);
    await answer();
    await Promise.all(written);
  });

  test('not when the others are as large as one may be', async () => {
    const { queue, sizes, answer } = makeSizes();
    const written = ['a', 'b', 'c', 'd'].map((id) => queue.write([opOf(id.repeat(600_000))]));
    for (const count of [2, 3, 3, 4]) {
      await turn();
      expect(sizes).toHaveLength(count);
      await answer();
    }
    await Promise.all(written);
  });

  test('not while the server does not answer, nor behind what was on its way when it went away', async () => {
    const overdue = await run('offline', [...THREE.slice(0, 1), { type: 'fire' }, write('plain', 2)]);
    expect(overdue.network.sent).toHaveLength(1);
    await overdue.finish();
    const lost = await run('offline', [
      ...THREE.slice(0, 1),
      ...all('away', 'lose'),
      write('plain', 2),
      ...all('back'),
    ]);
    expect(lost.network.sent).toHaveLength(1);
    for (const step of all('deliver', 'answer', 'fire')) await lost.take(step);
    expect(lost.network.sent).toHaveLength(2);
    const found = await run('always', [write('plain', 2), write('plain', 2), ...all('fire', 'kill', 'fire')]);
    expect(found.network.sent).toHaveLength(1);
    await found.finish();
    found.check();
  });

  test('when the outbox knows of it and of those before it, whose answers that does not wait for', async () => {
    const application = await run('always', [write('plain', 2), write('plain', 2)]);
    await turn();
    expect(sentOf(application)).toEqual([
      ['0.0', '0.1'],
      ['1.0', '1.1'],
    ]);
    application.store.failure = makeStorageFailed('here', new Error('no room'));
    await application.take(write('plain', 2));
    expect(application.network.sent).toHaveLength(2);
    application.store.failure = undefined;
    await application.finish();
    application.check();
  });
});

describe('after a refusal', () => {
  test('nothing is sent before everything on its way has been answered, and what was not refused keeps its id', async () => {
    const application = await run('none', [
      ...THREE,
      write('plain', 2),
      ...all('deliver', 'deliver', 'answer', 'answer'),
    ]);
    const { network } = application;
    expect(network.sent).toHaveLength(4);
    await application.take(write('plain', 2));
    expect(network.sent).toHaveLength(4);
    await application.finish();
    application.check();
    const idsWith = (id: string): string[] =>
      network.sent.filter(({ ops }) => idsOf(ops).includes(id)).map(({ requestId }) => requestId);
    expect(idsWith('2.0')).toEqual(['r2', 'r5']);
    expect(idsWith('3.0')).toEqual(['r3', 'r3']);
    expect(idsWith('4.0')).toEqual(['r4', 'r4']);
  });

  test('what was applied under its id before lets nothing pass', async () => {
    const steps = [...THREE.slice(0, 3), write('known id'), write('plain', 2)];
    expect((await runToEnd('none', steps)).module.applied).toEqual(['0.0', '2.0', '4.0', '4.1']);
  });

  test('and a crash, what was sent again is applied once', async () => {
    const again = [...THREE, ...all('deliver', 'deliver', 'deliver', 'answer', 'answer', 'answer'), write()];
    const steps = [...again, ...all('deliver', 'deliver', 'kill')];
    expect((await runToEnd('always', steps)).module.applied).toEqual(['0.0', '2.0', '3.0', '3.1', '4.0']);
  });

  test('and a crash, what came with the refused write is still applied before what was sent after it', async () => {
    const refused = [...THREE, ...all('deliver', 'deliver', 'too fast', 'deliver', 'answer', 'answer', 'answer')];
    // One more write has the outbox sync what it noted of the refusal.
    const waiting = await runToEnd('always', [...refused, write(), ...all('kill')]);
    expect(waiting.module.applied).toEqual(['0.0', '2.0', '3.0', '3.1', '4.0']);
    const sent = await runToEnd('always', [...refused, ...all('fire', 'deliver', 'deliver', 'kill')]);
    expect(sent.module.applied).toEqual(['0.0', '2.0', '3.0', '3.1']);
  });
});

describe('with several requests on their way', () => {
  test.each<Mode>(['none', 'offline', 'always', 'stop'])(
    'whatever is refused, lost, doubled, overtaken or killed, all is applied once, whole and in order (outbox: %s)',
    async (mode) => {
      const setting = fc.record({
        mode: fc.constant(mode),
        requestsMax: fc.integer({ min: 1, max: 8 }),
        opsMax: fc.integer({ min: 1, max: 4 }),
      });
      let onTheirWayMax = 0;
      await fc.assert(
        fc.asyncProperty(setting, steps(mode), async (given, taken) => {
          const application = await Application.start(given);
          for (const step of taken) {
            await application.take(step);
            onTheirWayMax = Math.max(onTheirWayMax, application.network.onTheirWayMax);
            expect(application.network.onTheirWayMax).toBeLessThanOrEqual(given.requestsMax);
          }
          await application.finish();
          application.check();
        }),
        { numRuns: RUNS, ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }) },
      );
      expect(onTheirWayMax).toBeGreaterThan(2);
    },
    60_000 * Number(process.env['RUNS'] ?? 1),
  );
});
