import { defineConfig } from 'vitest/config';

// Without `module`: what packages have under it is meant for bundlers, and need not be loadable by Node.
const conditions = ['source', 'node', 'import', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'bench/**/*.test.ts',
      'examples/**/*.test.ts',
    ],
    reporters: ['default', './scripts/closing-line.mjs'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Files of a worker share what they import: a third less processor time. So a test leaves nothing changed behind.
    isolate: false,
    maxWorkers: 2,
  },
});
