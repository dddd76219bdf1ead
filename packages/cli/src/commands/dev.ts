import { dirname, join, relative, resolve } from 'node:path';
import { type Host, makeStderrLogger, openHost } from '@inner-universe/host';
import { readStorageKey } from 'inner-universe';
import pc from 'picocolors';
import { DevSession } from '../dev/dev-session.ts';
import { FileWatcher, type StartTimer } from '../dev/file-watcher.ts';
import { formatReport } from '../dev/format-report.ts';
import { readTlsFiles, storageKeyOf, type StorageKeyFiles, type TlsFiles } from '../key-files.ts';
import { locateModule } from '../module-option.ts';
import type { CommandContext } from './context.ts';
import { interrupted } from './interrupted.ts';
import { explainPort } from './serve.ts';

/** Editors write a file in several steps; what they do within this time is one change. */
const QUIET_MS = 60;

/** What to develop, and how to serve it. */
export interface DevOptions extends StorageKeyFiles, TlsFiles {
  readonly module: string;
  readonly database: string;
  readonly data: string;
  readonly host: string;
  readonly port: number;
  /** Module and data in a worker thread, so that a call that never ends is ended after a while. */
  readonly thread?: boolean | undefined;
  readonly out?: string | undefined;
  readonly includePrivate?: boolean | undefined;
  /** Delete the data where no migration leads to the new module. */
  readonly deleteData?: 'on-conflict' | undefined;
}

/** `inner-universe dev`: until interrupted. What is wrong with the module is told, and ends nothing. */
export async function dev(options: DevOptions, context: CommandContext): Promise<void> {
  const { output } = context;
  const module = await locateModule(options.module);
  const data = resolve(options.data);
  const tls = await readTlsFiles(options);
  const host = await openHost({
    data,
    storageKey: await readStorageKey(storageKeyOf(options)),
    command: 'inner-universe dev',
    logger: makeStderrLogger('info'),
    isolation: options.thread === true ? 'thread' : 'none',
  });
  try {
    const address = await serveHost(host, options, tls);
    output.out(formatPlace({ module, data, address, database: options.database }));
    await follow(host, { ...options, module }, context);
  } finally {
    output.err(pc.dim('\nStopping…'));
    await host.close();
    output.err(pc.dim(' stopped.\n'));
  }
}

/** Publishes the module, and again after each change, until interrupted. */
async function follow(host: Host, options: DevOptions, { output, signal }: CommandContext): Promise<void> {
  const watcher = new FileWatcher({
    onChange: () => refresh(),
    onProblem: (message) => output.err(`${pc.yellow('warning')} ${message}\n`),
    startTimer,
    quietMs: QUIET_MS,
  });
  const session = new DevSession({
    host,
    database: options.database,
    module: options.module,
    out: options.out === undefined ? undefined : resolve(options.out),
    includePrivate: options.includePrivate,
    clearOnConflict: options.deleteData === 'on-conflict',
    onFiles: (files) => watcher.watch(files, dirname(options.module)),
    onReport: (report) => {
      const text = formatReport(report);
      if (text !== undefined) output.out(text);
    },
  });
  // What is no fault of the module ends the command, as it would anywhere else.
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  const refresh = (): void => void session.refresh().catch(fail);
  try {
    refresh();
    await Promise.race([interrupted(signal), failed]);
  } finally {
    watcher.close();
    await session.close();
  }
}

const startTimer: StartTimer = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs);
  return { cancel: () => clearTimeout(timer) };
};

type ServedTls = Awaited<ReturnType<typeof readTlsFiles>>;

async function serveHost(host: Host, options: DevOptions, tls: ServedTls): Promise<string> {
  try {
    return (await host.serve({ host: options.host, port: options.port, tls })).address;
  } catch (error) {
    throw explainPort(error, options);
  }
}

function formatPlace(place: {
  readonly module: string;
  readonly data: string;
  readonly address: string;
  readonly database: string;
}): string {
  const { module, data, address, database } = place;
  return [
    `Developing ${pc.bold(relative(process.cwd(), module))} at ${pc.bold(address)}, database ${pc.bold(database)}  ${pc.dim('(Ctrl-C stops)')}`,
    pc.dim(`The owner's token is in ${relative(process.cwd(), join(data, 'credentials', 'owner.token'))}.`),
  ].join('\n');
}
