export { createTestUniverse, type TestUniverseOptions } from './create-test-universe.ts';
export { READ_AND_WRITE, type TestGrant } from './grants.ts';
export type { TestOffline, TestUniverse } from './test-universe.ts';
export type { TestNetwork } from './test-network.ts';
export {
  createMockInnerUniverse,
  type MockUniverse,
  type MockUniverseOptions,
  type SimulatedEventOptions,
} from './mock-universe.ts';
export {
  MockError,
  type MockAnswer,
  type MockArguments,
  type MockCall,
  type MockErrorCode,
  type MockOperation,
  type MockOperations,
  type MockResult,
  type StubOptions,
} from './mock-calls.ts';
export {
  given,
  type ExpectedError,
  type GivenScenario,
  type ScenarioAction,
  type ScenarioOptions,
  type WhenScenario,
} from './given.ts';
export { event, type ScenarioEvent } from './scenario-event.ts';
