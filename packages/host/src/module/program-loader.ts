import { createHash } from 'node:crypto';
import vm from 'node:vm';
import { HostError } from '../errors.ts';
import { describeBuildFailure } from './build-failure.ts';
import { ReadyRealms } from './ready-realms.ts';
import type { LoadedProgram, ModuleRealm, ProgramLoader, RealmEvents } from './realm-port.ts';
import { VmRealm } from './realm/vm-realm.ts';
import type { TimeLimits } from './realm/time-limit.ts';
import { READ_TEXT_NAME, SHARED_TEXT_NAME, shareTextBuffers, WRITE_TEXT_NAME, WRITE_U256_NAME } from './shared-text.ts';
import type { SystemCallTarget } from './system-functions.ts';

/** Names the form of what a cache holds: part of each key, so that another version of this code never reads it. */
const FORM = 'cjs-es2022-1';

/** Compiled programs kept in memory; a host rarely runs more different ones. */
const PROGRAMS_MAX = 8;

/** Keeps down-levelled bundles between processes. Neither call rejects: what is not there is made again. */
export interface TransformCache {
  /** The text stored under a key of hex digits and dashes, if any. */
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string): Promise<void>;
}

/** How a loader behaves. */
export interface ProgramLoaderOptions {
  /** Realms of each program that are made in advance, when the process is idle. Default 0. */
  readonly readyRealms?: number | undefined;
  /** How long calls may take. Absent: no limit. */
  readonly timeLimits?: TimeLimits | undefined;
}

/**
 * Makes a loader that runs bundles in `node:vm` contexts. Compiled code is shared between the databases of one loader,
 * running instances never are.
 */
export function makeProgramLoader(cache?: TransformCache, options: ProgramLoaderOptions = {}): ProgramLoader {
  return new VmProgramLoader(cache, options);
}

class VmProgramLoader implements ProgramLoader {
  readonly #cache: TransformCache | undefined;
  readonly #options: ProgramLoaderOptions;
  /** By text, the least recently used first. Looking up a text that was looked up before costs no hashing of it. */
  readonly #programs: Map<string, Promise<VmProgram>> = new Map();

  constructor(cache: TransformCache | undefined, options: ProgramLoaderOptions) {
    this.#cache = cache;
    this.#options = options;
  }

  load(text: string): Promise<LoadedProgram> {
    const known = this.#programs.get(text);
    const program = known ?? this.#compile(text);
    this.#programs.delete(text);
    this.#programs.set(text, program);
    if (known === undefined) {
      program.catch(() => this.#programs.delete(text));
      this.#dropOldest();
    }
    return program;
  }

  #dropOldest(): void {
    if (this.#programs.size <= PROGRAMS_MAX) return;
    for (const [text, oldest] of this.#programs) {
      this.#programs.delete(text);
      oldest.then(
        (program) => program.ready.close(),
        // Whoever loaded it was told why it could not be.
        () => undefined,
      );
      return;
    }
  }

  async #compile(text: string): Promise<VmProgram> {
    const hash = createHash('sha256').update(text).digest('hex');
    const key = `${FORM}-${hash}`;
    const cached = await this.#cache?.read(key);
    const code = cached ?? (await downLevel(text));
    if (cached === undefined) await this.#cache?.write(key, code);
    return new VmProgram({ text, hash }, compileBody(shareTextBuffers(code)), this.#options);
  }
}

class VmProgram implements LoadedProgram {
  readonly text: string;
  readonly hash: string;
  readonly ready: ReadyRealms;

  constructor(
    identity: { readonly text: string; readonly hash: string },
    script: vm.Script,
    options: ProgramLoaderOptions,
  ) {
    this.text = identity.text;
    this.hash = identity.hash;
    const { readyRealms = 0, timeLimits } = options;
    this.ready = new ReadyRealms((target, events) => new VmRealm(script, target, events, timeLimits), readyRealms);
  }

  instantiate(target: SystemCallTarget, events: RealmEvents): ModuleRealm {
    return this.ready.take({ target, events });
  }
}

/** The bundle as a CommonJS body in the syntax of ES2022: Node 20 parses no `using`, and a script takes no `import`. */
async function downLevel(text: string): Promise<string> {
  // Loaded when it is needed: with a warm cache it never is.
  const { transform } = await import('esbuild');
  try {
    const result = await transform(text, {
      loader: 'js',
      format: 'cjs',
      target: 'es2022',
      sourcemap: false,
      legalComments: 'none',
      logLevel: 'silent',
    });
    return result.code;
  } catch (error) {
    const reason = await describeBuildFailure(error);
    throw new HostError({
      code: 'module/load-failed',
      message: reason.includes('Top-level await')
        ? 'the module has a top-level await. SpacetimeDB evaluates modules synchronously: move the await into a function, or do the work in `init`.'
        : `the module's bundle is no JavaScript module that can be read:\n${reason}`,
      details: { reason },
      cause: error,
    });
  }
}

function compileBody(code: string): vm.Script {
  try {
    const given = [SHARED_TEXT_NAME, WRITE_TEXT_NAME, READ_TEXT_NAME, WRITE_U256_NAME];
    const parameters = `module, exports, require, ${given.join(', ')}`;
    return new vm.Script(`(function (${parameters}) {'use strict';${code}\n})`, { filename: 'spacetimedb_module' });
  } catch (error) {
    throw new HostError({
      code: 'module/load-failed',
      message: `the module's bundle does not compile: ${error instanceof Error ? error.message : String(error)}`,
      cause: error,
    });
  }
}
