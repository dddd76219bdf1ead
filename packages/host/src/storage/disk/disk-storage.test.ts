import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe } from 'vitest';
import { runStorageContract } from '../test/contract.ts';
import { CrashFileSystem } from '../test/crash-file-system.ts';
import { openDiskStorage } from './disk-storage.ts';

describe('on a file system in memory', () => {
  runStorageContract(async () => {
    const fileSystem = new CrashFileSystem();
    return {
      open: () => openDiskStorage({ directory: '/data', fileSystem, segmentBytes: 2048 }),
      dispose: async () => undefined,
    };
  });
});

describe('on the real file system', () => {
  runStorageContract(async () => {
    const parent = await fs.mkdtemp(path.join(os.tmpdir(), 'disk-storage-'));
    return {
      open: () => openDiskStorage({ directory: path.join(parent, 'new', 'database') }),
      dispose: () => fs.rm(parent, { recursive: true }),
    };
  });
});
