export { createTestUniverse, type TestUniverseOptions } from './create-test-universe.ts';
export { READ_AND_WRITE, type TestGrant } from './grants.ts';
export type { TestUniverse } from './test-universe.ts';
export type { TestNetwork } from './test-network.ts';
