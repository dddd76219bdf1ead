/**
 * What a block of a page takes for granted, by the name in the comment before it (`<!-- given: NAME -->`): code that
 * goes before it. What it opens ends with the process.
 */
export const CONTEXTS: Readonly<Record<string, string>> = {
  universe: `
    import { openUniverse } from 'inner-universe';
    const universe = await openUniverse({ memory: true });
  `,
  'chat-host': `
    import { openHost } from '@inner-universe/host';
    const module = { path: './module/index.ts' };
    const host = await openHost({ memory: true });
    await host.publish({ name: 'chat', module });
  `,
  'chat-test': `
    import { createTestHost } from '@inner-universe/host/testing';
    import { DbConnection } from './bindings.ts';
  `,
  'chat-server': `
    import { readFileSync } from 'node:fs';
    import { openHost } from '@inner-universe/host';
    const host = await openHost({ memory: true });
    await host.publish({ name: 'chat', module: { path: './module/index.ts' } });
    const [cert, key] = ['cert.pem', 'key.pem'].map((file) => readFileSync(file, 'utf8')) as [string, string];
    const identity = 1n;
    const ending = new AbortController();
    const { signal } = ending;
    setImmediate(() => ending.abort());
  `,
  'host-options': `
    import { openHost } from '@inner-universe/host';
    const data = './data';
  `,
};
