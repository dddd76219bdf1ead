import { dirname } from 'node:path';
import { HostError } from '../errors.ts';
import { describeBuildFailure } from './build-failure.ts';

/**
 * Makes one JavaScript module for Node out of a TypeScript or JavaScript file and the files it imports; packages stay
 * imports. What is made must be loaded from a file beside it, so that it finds them.
 * @throws {HostError} `module/bundle-failed`
 */
export async function bundleScript(path: string): Promise<string> {
  const { build } = await import('esbuild');
  try {
    const { outputFiles } = await build({
      entryPoints: [path],
      absWorkingDir: dirname(path),
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      legalComments: 'none',
      logLevel: 'silent',
    });
    return outputFiles[0]?.text ?? '';
  } catch (error) {
    throw new HostError({
      code: 'module/bundle-failed',
      message: `${path} could not be read as a program:\n${await describeBuildFailure(error)}`,
      details: { path },
      cause: error,
    });
  }
}
