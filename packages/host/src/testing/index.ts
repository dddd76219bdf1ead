export {
  type ConnectableType,
  type ConnectionBuilder,
  createTestHost,
  TestHost,
  type TestHostOptions,
  type TestSnapshot,
} from './test-host.ts';
export { ManualTime } from './manual-time.ts';
export { type CrashPoint, StorageFaults } from './storage-faults.ts';
export { type LinkDirection, TestLink } from './test-link.ts';
