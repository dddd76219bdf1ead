/*
 * Brings a database to the state this release needs. Invariants:
 * - nothing is published before the module is built, known to be an Inner Universe, and its plan was looked at; exactly
 *   that plan is carried out;
 * - clients are disconnected, and data deleted, only where that was allowed;
 * - it succeeds only when what is there afterwards was read back and is what was published;
 * - nothing is left open, however it ends. Run again, it goes on where it stopped: every step can be repeated.
 */
import type { ModuleSource } from '@inner-universe/host';
import type { InnerUniverseClient } from '../../client/inner-universe-client.ts';
import type { CallOptions } from '../../connection/connection.ts';
import { runWithSignal } from '../../connection/run-within.ts';
import type { TokenSource } from '../../connection/token-source.ts';
import { NervPersistenceError } from '../../errors.ts';
import type { PublishPermission, PublishPreview } from '../../management/database-api.ts';
import { applyMigrations, makeNewerData } from '../../migrations/schema-migrations.ts';
import type { InnerUniverseConfig } from '../config.ts';
import { buildModule, type BuiltModule } from './build-module.ts';
import { openDeploymentTarget, type DeploymentTarget } from './deployment-target.ts';
import { openDeployedClient, verifyDeployment, type VerifiedDeployment } from './verify-deployment.ts';

/** The steps of a deployment, in order. */
export type DeploymentStep = 'build' | 'plan' | 'publish' | 'migrate' | 'verify';

/** What a deployment tells while it runs. */
export type DeploymentEvent =
  | { readonly type: 'step-started'; readonly step: DeploymentStep }
  | { readonly type: 'step-done'; readonly step: DeploymentStep }
  /** What publishing would do; without a preview the database is created. */
  | { readonly type: 'planned'; readonly preview: PublishPreview | undefined; readonly deletesData: boolean }
  /** Told by the migration: how far it is. */
  | { readonly type: 'migrating'; readonly done: number; readonly total: number | undefined; readonly what: string };

/** What the data migration of a deployment works with. */
export interface MigrationRun {
  /** Connected as the owner. */
  readonly client: InnerUniverseClient;
  /** The schema that the stored rows have, and the one they are to have. */
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal | undefined;
  /** Tells how far it is. */
  readonly onProgress: (progress: {
    readonly done: number;
    readonly total?: number | undefined;
    readonly what: string;
  }) => void;
}

/** What a deployment may do to those who use the database. */
export interface DeploymentPermission {
  /** Disconnect clients, where the plan does. Default false. */
  readonly breakClients?: boolean | undefined;
  /** Delete all data: always, or where no migration leads to the new module. Default `never`. */
  readonly deleteData?: 'never' | 'on-conflict' | 'always' | undefined;
}

/** What to deploy, where to, and what may be done for it. */
export interface DeploymentOptions extends CallOptions {
  /** Address of a server (ours or SpacetimeDB), or a data directory. Default: that of the configuration. */
  readonly target?: string | undefined;
  /** Default: that of the configuration. */
  readonly database?: string | undefined;
  /** Who publishes: the owner, or who may become it. Default: that of the configuration. Not for a data directory. */
  readonly token?: TokenSource | undefined;
  /** Path of a module's entry file or bundle, or where else it comes from. Default: the module of this package. */
  readonly module?: string | ModuleSource | undefined;
  readonly allow?: DeploymentPermission | undefined;
  /**
   * Takes the stored rows from their schema to the module's; called only where they are older. Default: the module's own
   * migrations. `manual` leaves it to `inner-universe migrate apply`, and then fails where they are.
   */
  readonly migrate?: ((run: MigrationRun) => Promise<void>) | 'manual' | undefined;
  /** Told what goes on; what it throws is reported and stops nothing. */
  readonly onProgress?: ((event: DeploymentEvent) => void) | undefined;
  /** True: build and plan only, change nothing. Default false. */
  readonly planOnly?: boolean | undefined;
}

/** What a deployment did. */
export interface DeploymentReport {
  readonly target: string;
  readonly database: string;
  /** Keccak-256 of the bundle, as servers name programs. */
  readonly programHash: string;
  readonly preview: PublishPreview | undefined;
  readonly deletedData: boolean;
  /** Undefined with `planOnly`, as is all that follows. */
  readonly outcome: 'created' | 'updated' | 'unchanged' | undefined;
  /** The schemas between which data were migrated; undefined where there was nothing to do. */
  readonly migrated: { readonly from: number; readonly to: number } | undefined;
  readonly verified: VerifiedDeployment | undefined;
}

/** As `InnerUniverseController.startDeploymentMode`. */
export function deploy(
  config: InnerUniverseConfig,
  options: DeploymentOptions,
  onError: (error: unknown) => void,
): Promise<DeploymentReport> {
  return runWithSignal('startDeploymentMode', options, async (signal) => {
    const deployment = new Deployment(config, { ...options, signal }, onError);
    try {
      return await deployment.run();
    } finally {
      await deployment.close();
    }
  });
}

class Deployment {
  readonly #config: InnerUniverseConfig;
  readonly #options: DeploymentOptions;
  readonly #onError: (error: unknown) => void;
  #target: DeploymentTarget | undefined;
  #client: InnerUniverseClient | undefined;

  constructor(config: InnerUniverseConfig, options: DeploymentOptions, onError: (error: unknown) => void) {
    this.#config = config;
    this.#options = options;
    this.#onError = onError;
  }

  async run(): Promise<DeploymentReport> {
    const built = await this.#step('build', () => buildModule(this.#options.module));
    const target = await openDeploymentTarget(this.#config, this.#options, this.#onError);
    this.#target = target;
    const preview = await this.#step('plan', () => this.#plan(target, built));
    const deletedData = deletesData(preview, this.#options.allow);
    const { database, description } = target;
    const planned = { target: description, database, programHash: built.hash, preview, deletedData };
    if (this.#options.planOnly === true)
      return { ...planned, outcome: undefined, migrated: undefined, verified: undefined };
    const permission = permit(preview, this.#options.allow, database);
    const { outcome, identity } = await this.#step('publish', () => target.publish(built.bundle, permission));
    const migrated = await this.#step('migrate', () => this.#migrate(target));
    const client = this.#client;
    const verified = await this.#step('verify', () => verifyDeployment({ target, client, built, identity }));
    return { ...planned, outcome, migrated, verified };
  }

  /** Closes what it opened; a failure of that hides no other. */
  async close(): Promise<void> {
    for (const part of [this.#client, this.#target]) {
      try {
        await part?.close();
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  async #plan(target: DeploymentTarget, { bundle }: BuiltModule): Promise<PublishPreview | undefined> {
    const preview = await target.preview(bundle);
    this.#tell({ type: 'planned', preview, deletesData: deletesData(preview, this.#options.allow) });
    return preview;
  }

  async #migrate(target: DeploymentTarget): Promise<DeploymentReport['migrated']> {
    const { signal, migrate = applyModuleMigrations } = this.#options;
    const client = await openDeployedClient(target, this.#onError, signal);
    this.#client = client;
    const { codeVersion: to, dataVersion: from } = await client.getSystemStatus({ signal });
    if (from === to) return undefined;
    if (from > to) throw makeNewerData(target.database, from, to);
    if (migrate === 'manual') {
      throw new NervPersistenceError(
        'deployment/needs-migration',
        `The module was published, and the data of '${target.database}' have schema ${from} where it has ${to}: writes ` +
          'may be refused until they are migrated. Run: inner-universe migrate apply; or deploy without manual.',
        { details: { database: target.database, from, to } },
      );
    }
    await migrate({
      client,
      from,
      to,
      signal,
      onProgress: ({ done, total, what }) => this.#tell({ type: 'migrating', done, total, what }),
    });
    return { from, to };
  }

  async #step<T>(step: DeploymentStep, work: () => Promise<T>): Promise<T> {
    this.#options.signal?.throwIfAborted();
    this.#tell({ type: 'step-started', step });
    const result = await work();
    this.#tell({ type: 'step-done', step });
    return result;
  }

  #tell(event: DeploymentEvent): void {
    try {
      this.#options.onProgress?.(event);
    } catch (error) {
      this.#onError(error);
    }
  }
}

/** The module's own migrations, step by step. */
async function applyModuleMigrations({ client, signal, onProgress }: MigrationRun): Promise<void> {
  await applyMigrations(client, {
    signal,
    onProgress: ({ name, processed }) => onProgress({ done: processed, what: name }),
  });
}

function deletesData(preview: PublishPreview | undefined, allow: DeploymentPermission | undefined): boolean {
  if (preview === undefined) return false;
  return allow?.deleteData === 'always' || (preview.type === 'manual' && allow?.deleteData === 'on-conflict');
}

/** What the server is told that it may do. @throws when the plan asks for more than is allowed */
function permit(
  preview: PublishPreview | undefined,
  allow: DeploymentPermission | undefined,
  database: string,
): PublishPermission {
  if (preview === undefined) return {};
  if (deletesData(preview, allow)) return { clear: true };
  if (preview.type === 'manual') {
    throw new NervPersistenceError(
      'deployment/refused',
      `The module cannot take over the data of '${database}', and nothing was changed:\n${preview.reason}\nChange the ` +
        "module so that it can; or let go of the data with allow: { deleteData: 'on-conflict' }.",
      { details: { database, reason: preview.reason } },
    );
  }
  if (preview.breaksClients && allow?.breakClients !== true) {
    throw new NervPersistenceError(
      'deployment/not-allowed',
      `Publishing to '${database}' disconnects all its clients, which was not allowed; nothing was changed. Allow it ` +
        'with allow: { breakClients: true }.',
      { details: { database, plan: preview.plan } },
    );
  }
  return { planToken: preview.token, breakClients: preview.breaksClients };
}
