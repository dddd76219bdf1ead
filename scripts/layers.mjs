/**
 * The architecture as data: which package may import which, and which folders are pure.
 * `scripts/check-layers.mjs` enforces it; `docs/architecture.md` explains it.
 */

/**
 * For each package: the packages it may import, type imports included; `dev` ones by tests only, `testing` ones by what
 * its `testing/` folder offers to tests as well.
 */
export const packages = {
  '@inner-universe/nerv': { folder: 'packages/nerv', imports: [], testing: ['vitest'] },
  '@inner-universe/module': {
    folder: 'packages/module',
    imports: [
      'spacetimedb/server',
      '@inner-universe/nerv/values',
      '@inner-universe/nerv/events/pattern',
      '@inner-universe/nerv/hash',
    ],
  },
  '@inner-universe/host': {
    folder: 'packages/host',
    imports: ['@hono/node-server', '@noble/hashes', 'esbuild', 'hono', 'jose', 'sorted-btree', 'ws'],
    dev: ['spacetimedb', 'undici'],
  },
  'inner-universe': {
    folder: 'packages/inner-universe',
    imports: [
      '@inner-universe/nerv',
      '@inner-universe/module',
      '@inner-universe/host',
      '@opentelemetry/api',
      'react',
      'spacetimedb',
      'undici',
    ],
    dev: [
      '@opentelemetry/context-async-hooks',
      '@opentelemetry/sdk-metrics',
      '@opentelemetry/sdk-trace-base',
      'fake-indexeddb',
      'react-dom',
    ],
    testing: ['vitest'],
    /** Reached only through `import type`: at run time Node cannot load it. */
    typesOnly: ['spacetimedb/server'],
  },
  '@inner-universe/cli': {
    folder: 'packages/cli',
    imports: [
      '@inner-universe/nerv',
      '@inner-universe/module',
      '@inner-universe/host',
      'inner-universe',
      'commander',
      'picocolors',
    ],
  },
  '@inner-universe/torture': { folder: 'torture', imports: ['@inner-universe/nerv', 'inner-universe'] },
  '@inner-universe/bench': {
    folder: 'bench',
    imports: [
      '@inner-universe/nerv',
      '@inner-universe/module',
      '@inner-universe/host',
      'inner-universe',
      '@inner-universe/cli',
      // What it compares with, and clients of its own.
      '@automerge/automerge',
      '@durable-streams/client',
      '@durable-streams/server',
      '@event-driven-io/emmett-sqlite',
      'esbuild',
      'emittery',
      'eventemitter3',
      'graphology',
      'graphology-metrics',
      'graphology-shortest-path',
      'immer',
      'mitt',
      'mutative',
      'rxjs',
      'undici',
      'ws',
    ],
  },
};

/**
 * Folders whose code is pure: no Node API, clock, timer, randomness, process or console. What they need arrives as
 * arguments. Tests and the files listed under `shell` are exempt.
 */
export const pure = {
  folders: [
    'packages/nerv/src',
    'packages/module/src',
    'packages/host/src/bsatn',
    'packages/host/src/schema',
    'packages/host/src/datastore',
    'packages/host/src/query',
    'packages/host/src/row-security',
    'packages/host/src/sats-json',
    'packages/host/src/subscriptions',
    'packages/host/src/views',
    'packages/host/src/scheduler',
    'packages/host/src/migration',
    'packages/host/src/metrics',
    'packages/host/src/inspection',
    'packages/host/src/database',
    'packages/host/src/protocol',
    'packages/host/src/network',
    'packages/host/src/module-http',
  ],
  shell: ['packages/nerv/src/ids/system.ts'],
  forbiddenGlobals: [
    'Date.now',
    'new Date()',
    'performance.',
    'Math.random',
    'setTimeout',
    'setInterval',
    'setImmediate',
    'process.',
    'console.',
    'Buffer.',
  ],
};
