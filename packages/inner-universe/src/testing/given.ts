import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import type { EventMap, NervEvent } from '@inner-universe/nerv';
import { Projection, type ProjectionDefinition } from '@inner-universe/nerv/projection';
import type { Universe } from '../universe.ts';
import { createTestUniverse } from './create-test-universe.ts';
import { assertEvents, assertValue } from './expectation-error.ts';
import { matches } from './matches.ts';
import type { ScenarioEvent } from './scenario-event.ts';

/** What is done in a scenario: something with the universe, or events that are published in order. */
export type ScenarioAction = ((universe: Universe) => unknown) | readonly ScenarioEvent[];

/** What an error is expected to be: its class, or members of it. */
export type ExpectedError = (abstract new (...args: never[]) => Error) | Readonly<Record<string, unknown>>;

/** How a scenario is run. */
export interface ScenarioOptions {
  /** Where it is run: as it is, and it stays open. Default: a fresh test universe, which is closed at the end. */
  readonly universe?: Universe | undefined;
}

/** The arguments of an expectation: the application events that the action led to, or a projection and its state. */
export type Expectation<State, M extends object, P extends string> =
  | readonly [events: readonly ScenarioEvent[]]
  | readonly [projection: ProjectionDefinition<State, M, P>, state: unknown];

interface Scenario {
  readonly past: readonly ScenarioEvent[];
  readonly action: ScenarioAction;
  readonly options: ScenarioOptions;
}

/** Begins a scenario: the events that happened before, in order. Nothing runs until it is said what is expected. */
export function given(past: readonly ScenarioEvent[] = [], options: ScenarioOptions = {}): GivenScenario {
  return new GivenScenario(past, options);
}

/** A scenario of which the past is known. */
export class GivenScenario {
  readonly #past: readonly ScenarioEvent[];
  readonly #options: ScenarioOptions;

  constructor(past: readonly ScenarioEvent[], options: ScenarioOptions) {
    this.#past = past;
    this.#options = options;
  }

  /** What is done then. */
  when(action: ScenarioAction): WhenScenario {
    return new WhenScenario({ past: this.#past, action, options: this.#options });
  }

  /** What a projection makes of the past alone. @throws {AssertionError} */
  // oxlint-disable-next-line unicorn/no-thenable -- the word of the trade; awaiting a scenario is refused
  then<State, M extends object = EventMap, P extends string = string>(
    ...expectation: readonly [projection: ProjectionDefinition<State, M, P>, state: unknown]
  ): Promise<void> {
    return this.when([]).then(...expectation);
  }
}

/** A scenario of which past and action are known. */
export class WhenScenario {
  readonly #scenario: Scenario;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /**
   * Runs the scenario, and expects exactly these application events of the action, in order; or that a projection makes
   * this state of past and action together. Matchers as `expect.any(String)` may stand for values.
   * @throws {AssertionError} showing both sides; with the error as its cause when the action threw
   */
  // oxlint-disable-next-line unicorn/no-thenable -- as above
  async then<State, M extends object = EventMap, P extends string = string>(
    ...expectation: Expectation<State, M, P>
  ): Promise<void> {
    const [first] = expectation;
    // `await given(…).when(…)` calls this as if it were a promise's.
    if (typeof first === 'function') {
      refuseAwait(expectation);
      return;
    }
    const { before, after, thrown } = await run(this.#scenario);
    if (thrown !== undefined) {
      throw new Error(`The action threw ${shortly(thrown.error)}; thenThrows() expects that.`, { cause: thrown.error });
    }
    if (expectation.length === 1) {
      assertEvents(after, expectation[0]);
      return;
    }
    const [definition, state] = expectation;
    const projection = new Projection<State, M, P>(definition);
    for (const each of [...before, ...after]) projection.apply(each);
    assertValue(
      `The state of projection '${definition.name}' after ${before.length + after.length} events`,
      projection.state,
      state,
    );
  }

  /**
   * Runs the scenario, and expects the action to throw, or reject with, such an error. Gives the error.
   * @throws {AssertionError}
   */
  async thenThrows(expected: ExpectedError = Error): Promise<unknown> {
    const { after, thrown } = await run(this.#scenario);
    if (thrown === undefined) {
      throw new AssertionError({
        message: `The action was expected to throw, and led to ${after.length} events: ${after.map(({ type }) => type).join(', ')}`,
        operator: 'thenThrows',
      });
    }
    if (isSuchAnError(thrown.error, expected)) return thrown.error;
    throw new AssertionError({
      message: `The action threw ${shortly(thrown.error)}, not the expected ${typeof expected === 'function' ? expected.name : inspect(expected)}.`,
      actual: thrown.error,
      expected,
      operator: 'thenThrows',
    });
  }
}

/** What came of a scenario. */
interface Outcome {
  readonly before: readonly NervEvent[];
  readonly after: readonly NervEvent[];
  readonly thrown: { readonly error: unknown } | undefined;
}

async function run({ past, action, options }: Scenario): Promise<Outcome> {
  if (options.universe !== undefined) return runIn(options.universe, past, action);
  const test = await createTestUniverse();
  try {
    return await runIn(test.universe, past, action);
  } finally {
    await test.close();
  }
}

async function runIn(universe: Universe, past: readonly ScenarioEvent[], action: ScenarioAction): Promise<Outcome> {
  const seen: NervEvent[] = [];
  const subscription = universe.events.subscribe('**', (each: NervEvent) => void seen.push(each));
  try {
    await publish(universe, past);
    const before = seen.splice(0);
    const thrown = await attempt(() => (typeof action === 'function' ? action(universe) : publish(universe, action)));
    await universe.client.catchUp();
    return { before, after: [...seen], thrown };
  } finally {
    subscription.unsubscribe();
  }
}

async function publish(universe: Universe, events: readonly ScenarioEvent[]): Promise<void> {
  await Promise.all(
    events.map(({ type, data, source, metadata }) => universe.events.publish(type, data, { source, metadata })),
  );
  await universe.client.catchUp();
}

async function attempt(action: () => unknown): Promise<{ readonly error: unknown } | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return { error };
  }
}

function isSuchAnError(error: unknown, expected: ExpectedError): boolean {
  if (typeof expected === 'function') return error instanceof expected;
  if (typeof error !== 'object' || error === null) return false;
  return Object.entries(expected).every(([key, value]) => matches(Reflect.get(error, key), value));
}

function shortly(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error);
}

/** Rejects the promise that these callbacks are of. */
function refuseAwait([, reject]: readonly unknown[]): void {
  const error = new Error('A scenario runs when it is said what to expect: end it with then(…) or thenThrows(…).');
  if (typeof reject !== 'function') throw error;
  reject(error);
}
