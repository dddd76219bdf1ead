import { resolve } from 'node:path';
import { openUniverse, type Universe } from 'inner-universe';
import pc from 'picocolors';
import { CliError } from '../errors.ts';
import { readTlsFiles, storageKeyOf, type StorageKeyFiles, type TlsFiles } from '../key-files.ts';
import { whileArchiving, type ServedArchiveOptions } from './archive.ts';
import type { CommandContext } from './context.ts';
import { interrupted } from './interrupted.ts';

/** How to serve. */
export interface ServeOptions extends ServedArchiveOptions, StorageKeyFiles, TlsFiles {
  readonly data: string;
  readonly host: string;
  readonly port: number;
  /** Module and data in a worker thread, so that a call that never ends is ended after a while. */
  readonly thread?: boolean | undefined;
  /** Who may create databases over the network, beside the owner. */
  readonly publisher?: readonly bigint[] | undefined;
  /** Who may read `/metrics`: the owner (default), everybody, or nobody. */
  readonly metrics?: 'owner' | 'public' | 'off' | undefined;
  /** Data of an older release are brought forward before anything is served (default), or left to `migrate apply`. */
  readonly migrate?: 'auto' | 'manual' | undefined;
  /** Calls that take longer are logged, in milliseconds. */
  readonly slowCallMs?: number | undefined;
  /** For how long `/ready` says no before the server stops, in milliseconds. */
  readonly drainMs?: number | undefined;
  /** Connections whose token expires while they are open are ended (default), or kept as SpacetimeDB does. */
  readonly expiredTokens?: 'end' | 'keep' | undefined;
}

/** A universe that is being served. */
export interface ServedUniverse {
  readonly universe: Universe;
  readonly data: string;
  readonly address: string;
}

/** `inner-universe serve`: until interrupted. */
export async function serve(options: ServeOptions, context: CommandContext): Promise<void> {
  const served = await openServed(options, context.signal);
  try {
    context.output.out(formatServed(served));
    await whileArchiving(served.universe, options, context, () => interrupted(context.signal));
  } finally {
    await closeServed(served, context);
  }
}

/** Opens the universe in a directory, making it if it is not there, and starts to listen. */
export async function openServed(options: ServeOptions, signal: AbortSignal): Promise<ServedUniverse> {
  const data = resolve(options.data);
  const isolation = options.thread === true ? 'thread' : 'none';
  const tls = await readTlsFiles(options);
  const { slowCallMs, migrate } = options;
  const storageKey = storageKeyOf(options);
  const universe = await openUniverse({ data, signal, isolation, slowCallMs, migrate, storageKey });
  try {
    const address = await universe.controller.serve({
      host: options.host,
      port: options.port,
      tls,
      publishers: options.publisher,
      metrics: options.metrics,
      moreMetrics: () => universe.metrics.snapshot(),
      drainMs: options.drainMs,
      expiredTokens: options.expiredTokens,
    });
    return { universe, data, address };
  } catch (error) {
    await universe.close();
    throw explainPort(error, options);
  }
}

/** A port that is taken is the commonest reason: the error names the options that help. */
export function explainPort(error: unknown, { port }: Pick<ServeOptions, 'port'>): unknown {
  if (!(error instanceof Error) || (error as { code?: unknown }).code !== 'server/address-in-use') return error;
  const next = port < 65_535 ? port + 1 : port - 1;
  return new CliError(
    'cli/port-taken',
    `Port ${port} is taken by another program. Stop that one, or give another port: --port 0 picks a free one, --port ${next} may be free.`,
    { details: { port }, cause: error },
  );
}

export async function closeServed(served: ServedUniverse, context: CommandContext): Promise<void> {
  context.output.err(pc.dim('\nStopping…'));
  await served.universe.close();
  context.output.err(pc.dim(' stopped.\n'));
}

export function formatServed(served: ServedUniverse): string {
  return `Serving ${pc.bold(served.data)} at ${pc.bold(served.address)}  ${pc.dim('(Ctrl-C stops)')}`;
}
