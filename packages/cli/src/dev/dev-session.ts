import {
  describeModule,
  type Host,
  HostError,
  type ModuleDef,
  type PublishResult,
  readModuleFiles,
} from '@inner-universe/host';
import { generateBindings } from '@inner-universe/host/codegen';
import { writeBindings } from '../bindings/write-bindings.ts';
import { type DefinitionChange, describeChanges } from './definition-changes.ts';

/** What happened when a module was looked at once more. */
export type DevReport =
  /** The same module as before, or the one that the database runs already. */
  | { readonly type: 'unchanged' }
  /** It could not be bundled, is no valid module, or was refused. The one before goes on running. */
  | { readonly type: 'failed'; readonly error: Error }
  | {
      readonly type: 'published';
      readonly outcome: PublishResult['outcome'];
      readonly exchange: PublishResult['exchange'];
      readonly changes: readonly DefinitionChange[];
      readonly bindings: 'written' | 'unchanged' | undefined;
    };

/** What is developed, and where it goes. */
export interface DevSessionOptions {
  readonly host: Host;
  readonly database: string;
  /** Entry file of the module, or a bundle. */
  readonly module: string;
  /** Where bindings go; none are written without it. */
  readonly out?: string | undefined;
  readonly includePrivate?: boolean | undefined;
  /** Delete the data where no migration leads to the new module. */
  readonly clearOnConflict: boolean;
  /** Told after each attempt. */
  readonly onReport: (report: DevReport) => void;
  /** Told the files that the module is made of, each time they are known. */
  readonly onFiles: (files: readonly string[]) => void;
}

/**
 * Keeps a database and bindings in step with a module's source. Attempts run one after the other; what changes while
 * one runs leads to one more. No attempt throws: what went wrong is reported, and the module before goes on running.
 */
export class DevSession {
  readonly #options: DevSessionOptions;
  #definition: ModuleDef | undefined;
  /** Text of the bundle that was tried last: the same text leads to nothing new. */
  #tried: string | undefined;
  #running: Promise<void> | undefined;
  #isStale = false;
  #isClosed = false;

  constructor(options: DevSessionOptions) {
    this.#options = options;
    options.onFiles([options.module]);
  }

  /** Looks at the module again; resolves when that is done and reported, together with what changed meanwhile. */
  refresh(): Promise<void> {
    this.#isStale = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** Starts nothing more and waits for the attempt that runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      const report = await this.#attempt();
      if (!this.#isClosed) this.#options.onReport(report);
    }
  }

  async #attempt(): Promise<DevReport> {
    try {
      const { module, onFiles } = this.#options;
      const { bundle, files } = await readModuleFiles({ path: module });
      onFiles([module, ...files]);
      if (bundle === this.#tried) return { type: 'unchanged' };
      this.#tried = bundle;
      return await this.#publish(bundle);
    } catch (error) {
      // Even what was tried before is worth telling now: that it runs, or that it is still wrong.
      this.#tried = undefined;
      if (isOfTheModule(error)) return { type: 'failed', error };
      throw error;
    }
  }

  async #publish(bundle: string): Promise<DevReport> {
    const { host, database, out, includePrivate, clearOnConflict } = this.#options;
    const definition = await describeModule(bundle);
    const before = this.#definition ?? host.databases.find(({ name }) => name === database)?.database.def;
    const result = await host.publish({
      name: database,
      module: bundle,
      policy: 'break-clients',
      clear: clearOnConflict ? 'on-conflict' : false,
    });
    this.#definition = definition;
    const text = generateBindings(definition, { includePrivate });
    const { outcome, exchange } = result;
    return {
      type: 'published',
      outcome,
      exchange,
      changes: describeChanges(before, definition),
      bindings: out === undefined ? undefined : await writeBindings(out, text),
    };
  }
}

/** Whether an error is one that the next change may do away with: all but bugs of our own. */
function isOfTheModule(error: unknown): error is Error {
  return (
    error instanceof HostError || (error instanceof Error && typeof (error as { code?: unknown }).code === 'string')
  );
}
