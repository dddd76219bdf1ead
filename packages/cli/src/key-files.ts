import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { StorageKey } from 'inner-universe';
import { CliError } from './errors.ts';

/** The variable that names the file of the storage key, for every command that opens a directory. */
export const STORAGE_KEY_VARIABLE = 'INNER_UNIVERSE_STORAGE_KEY_FILE';
/** The variable that names certificates of who vouches for a server. */
export const CA_VARIABLE = 'INNER_UNIVERSE_CA_FILE';

/** Options that say what a data directory is encrypted with. */
export interface StorageKeyFiles {
  readonly storageKeyFile?: string | undefined;
  /** Earlier ones. A directory that opens with one of them is under the new one from then on. */
  readonly previousStorageKeyFile?: readonly string[] | undefined;
}

/** Options of a server that is reached over TLS. */
export interface TlsFiles {
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** The storage key that a command was told of, by option or else by variable. @throws {CliError} `cli/usage` */
export function storageKeyOf(options: StorageKeyFiles): StorageKey | undefined {
  const keyFile = options.storageKeyFile ?? (process.env[STORAGE_KEY_VARIABLE] || undefined);
  const { previousStorageKeyFile: previousKeyFiles } = options;
  if (keyFile !== undefined) return { keyFile, previousKeyFiles };
  if (previousKeyFiles === undefined) return undefined;
  throw new CliError('cli/usage', 'Say which key comes after the previous one: --storage-key-file FILE.');
}

/**
 * Certificate and key of a server; undefined where it is to serve without TLS.
 * @throws {CliError} `cli/usage` when one is missing, cannot be read, or does not belong to the other
 */
export async function readTlsFiles(options: TlsFiles): Promise<{ cert: string; key: string } | undefined> {
  const { tlsCert, tlsKey } = options;
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new CliError('cli/usage', 'TLS takes both --tls-cert FILE and --tls-key FILE.');
  const [cert, key] = await Promise.all([readPem('--tls-cert', tlsCert), readPem('--tls-key', tlsKey)]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new CliError(
      'cli/usage',
      `'${tlsCert}' and '${tlsKey}' are no certificate and its key, in PEM: ${reasonOf(cause)}.`,
      { details: { tlsCert, tlsKey }, cause },
    );
  }
  return { cert, key };
}

/** Options that say how a server is known to be the right one. */
export interface CaFile {
  readonly caFile?: string | undefined;
}

/** The file of certificates that a command was told of, by option or else by variable; undefined: the system's. */
export function caFileOf({ caFile }: CaFile): string | undefined {
  return caFile ?? (process.env[CA_VARIABLE] || undefined);
}

/** What is in the file of certificates. @throws {CliError} `cli/usage` when it cannot be read */
export async function readCertificates(options: CaFile): Promise<{ readonly ca: string } | undefined> {
  const path = caFileOf(options);
  return path === undefined ? undefined : { ca: await readPem('--ca-file', path) };
}

async function readPem(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError('cli/usage', `${option}: '${path}' cannot be read: ${reasonOf(cause)}.`, {
      details: { path },
      cause,
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
