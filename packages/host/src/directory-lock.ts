export { type DirectoryLock, type LockClaim, type LockHolder, lockDirectory } from './storage/lock.ts';
