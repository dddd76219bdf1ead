export {
  type ConnectableType,
  type ConnectionBuilder,
  createTestHost,
  TestHost,
  type TestHostOptions,
} from './test-host.ts';
export { ManualTime } from './manual-time.ts';
