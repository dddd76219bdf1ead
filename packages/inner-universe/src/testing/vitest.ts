import { test as base, type TestAPI } from 'vitest';
import type { Universe } from '../universe.ts';
import { createTestUniverse, type TestUniverseOptions } from './create-test-universe.ts';
import { createMockInnerUniverse } from './mock-universe.ts';
import type { MockUniverse } from './mock-universe.ts';
import type { TestUniverse } from './test-universe.ts';

export { runOutboxContract, type OutboxContract, type OutboxPlace } from './outbox-contract.ts';

/** What a test may ask for by name. Each is made when asked for, and closed at the end of the test. */
export interface UniverseFixtures {
  /** What test universes of these tests are made with; to be replaced by `test.extend` or `test.override`. */
  readonly testUniverseOptions: TestUniverseOptions;
  /** A fresh test universe. Errors that nobody waited for fail the test, unless it looks at them by `takeErrors()`. */
  readonly testUniverse: TestUniverse;
  /** The owner's universe of `testUniverse`. */
  readonly universe: Universe;
  /** A mock. */
  readonly mockUniverse: MockUniverse;
}

/** Vitest's `test`, with universes. */
export const test: TestAPI<UniverseFixtures> = base.extend<UniverseFixtures>({
  testUniverseOptions: {},
  testUniverse: async ({ testUniverseOptions }, use) => {
    const testUniverse = await createTestUniverse(testUniverseOptions);
    try {
      await use(testUniverse);
      failOnErrors(testUniverse.takeErrors());
    } finally {
      await testUniverse.close();
    }
  },
  universe: async ({ testUniverse }, use) => use(testUniverse.universe),
  // Vitest finds out from the parameter what a fixture needs: this one needs nothing.
  // oxlint-disable-next-line no-empty-pattern
  mockUniverse: async ({}, use) => {
    const mock = await createMockInnerUniverse();
    await use(mock);
    await mock.close();
  },
});

function failOnErrors(errors: readonly unknown[]): void {
  if (errors.length === 0) return;
  throw new AggregateError(
    errors,
    `${errors.length} errors were reported that nobody waited for; the first: ${String(errors[0])}. ` +
      'A test that expects them looks at testUniverse.takeErrors().',
  );
}
