import { defineConfig } from 'vitest/config';

// Without `module`: what packages have under it is meant for bundlers, and need not be loadable by Node.
const conditions = ['source', 'node', 'import', 'default'];

const testsIn = (...folders: string[]): string[] => folders.map((folder) => `packages/${folder}/**/*.test.ts`);

/** What stops threads, runs out of memory, listens or starts processes does so in a process of its own. */
const ALONE = testsIn('*/test', 'cli/src', 'host/src/module', 'host/src/thread', 'host/src/server', 'host/src/storage');
/** Files of a worker share what they import, for half the processor time; so a test leaves nothing changed behind. */
const TOGETHER = testsIn('*/src', 'module/test');

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'alone',
          include: [...ALONE, 'bench/**/*.test.ts', 'examples/**/*.test.ts'],
          exclude: testsIn('module/test'),
        },
      },
      {
        extends: true,
        test: {
          name: 'together',
          include: TOGETHER,
          exclude: ALONE.filter((each) => !each.includes('*/test')),
          isolate: false,
        },
      },
    ],
    reporters: ['default', './scripts/closing-line.mjs'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
