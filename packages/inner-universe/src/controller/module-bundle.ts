import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ModuleSource } from '@inner-universe/host';

/**
 * The Inner Universe module: the bundle that the build made, or, where a package was installed without building, its
 * entry file, which the host bundles. The bundle contains SpacetimeDB's library and is therefore never published.
 */
export function findModule(): ModuleSource {
  const root = dirname(createRequire(import.meta.url).resolve('@inner-universe/module/package.json'));
  const bundle = join(root, 'dist', 'bundle.js');
  return { path: existsSync(bundle) ? bundle : join(root, 'src', 'module.ts') };
}
