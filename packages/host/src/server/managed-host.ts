import type { MetricFamily } from '../metrics/metric-family.ts';
import type { ServerMetrics } from '../metrics/server-metrics.ts';
import type { ServedDatabase, ServedHost } from '../session/served-host.ts';

/** Whether a publication may end the sessions of connected clients. */
export type BreakPolicy = 'compatible' | 'break-clients';

/** A program for a database that exists. */
export interface UpdateRequest {
  /** Its identity in hex, so that it cannot be another one that took the name meanwhile. */
  readonly name: string;
  readonly module: string;
  readonly policy?: BreakPolicy | undefined;
  /** That of the plan which the publisher has seen; a plan that has become another is refused. */
  readonly token?: string | undefined;
  /** True drops all rows and runs `init` anew. */
  readonly clear?: boolean | undefined;
}

/** What publishing would do to a database that exists. */
export type PublishPreview =
  | { readonly type: 'automatic'; readonly text: string; readonly breaksClients: boolean; readonly token: string }
  /** No migration leads there by itself. */
  | { readonly type: 'manual'; readonly reason: string };

/** What the HTTP interface asks of a host beside serving clients. Rights are checked by the caller. `Host` is the one implementation. */
export interface ManagedHost extends ServedHost {
  readonly databases: readonly ServedDatabase[];
  /** Where it is counted what comes in over the network. */
  readonly serverMetrics: ServerMetrics;
  /** Everything that is counted, of the host and its databases. */
  metrics(): Promise<readonly MetricFamily[]>;
  createDatabase(options: {
    readonly name?: string | undefined;
    readonly module: string;
    readonly owner: bigint;
  }): Promise<ServedDatabase>;
  publish(request: UpdateRequest): Promise<unknown>;
  previewPublish(request: PreviewRequest): Promise<PublishPreview>;
  deleteDatabase(nameOrIdentity: string): Promise<void>;
  renameDatabase(nameOrIdentity: string, names: readonly string[]): Promise<void>;
  addDatabaseName(nameOrIdentity: string, name: string): Promise<void>;
  lockDatabase(nameOrIdentity: string, isLocked: boolean): Promise<void>;
}

/** What to plan, and how to write it. */
export interface PreviewRequest extends Pick<UpdateRequest, 'name' | 'module'> {
  /** True colours it with escape sequences of terminals. */
  readonly isColored: boolean;
}
