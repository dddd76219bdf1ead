import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from 'esbuild';
import { generateBindings } from '../../src/codegen/index.ts';
import { describeModule } from '../../src/module/describe-module.ts';
import type * as people from '../fixtures/people-bindings.ts';
import type { Library } from './library.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** What the generated bindings of `people.ts` have; each release of the SDK has its own classes behind it. */
export type PeopleBindings = Pick<typeof people, 'DbConnection' | 'tables'>;

/** The bindings that are generated from a bundle, on one release of the client SDK. */
export async function loadBindings(library: Library, bundle: string): Promise<PeopleBindings> {
  const text = generateBindings(await describeModule(bundle)).replaceAll(`'spacetimedb'`, `'${library}'`);
  const { code } = await transform(text, { loader: 'ts', target: 'es2022' });
  // Beside the packages, so that the import of the SDK resolves.
  const folder = await mkdtemp(join(root, 'node_modules', '.bindings-'));
  try {
    const file = join(folder, 'bindings.mjs');
    await writeFile(file, code);
    supplyWithResolvers();
    const loaded: PeopleBindings = await import(/* @vite-ignore */ pathToFileURL(file).href);
    const sdk: { setGlobalLogLevel(level: string): void } = await import(/* @vite-ignore */ library);
    sdk.setGlobalLogLevel('error');
    return loaded;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The client SDKs of 2.0 and 2.4 need this of Node 22. */
function supplyWithResolvers(): void {
  const target: PromiseConstructor & { withResolvers?: unknown } = Promise;
  target.withResolvers ??= () => {
    let resolve: unknown;
    let reject: unknown;
    const promise = new Promise((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    return { promise, resolve, reject };
  };
}
