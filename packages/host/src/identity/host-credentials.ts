import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock/clock.ts';
import { errorMessage, HostError } from '../errors.ts';
import type { ExternalTokens } from './external-tokens.ts';
import { exportPrivatePem, generateSigningKeys, parseSigningKeys, type SigningKeys } from './signing-keys.ts';
import { TokenAuthority } from './token-authority.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

const KEY = 'id_ecdsa';
const OWNER_TOKEN = 'owner.token';

/** What a host knows about itself: its keys, who owns it, and the token that proves it. */
export interface HostCredentials {
  readonly tokens: TokenAuthority;
  readonly owner: bigint;
  /** A token of the owner, without expiry. Never to be logged, served or put into an error. */
  readonly ownerToken: string;
}

/** Credentials that live and die with the process. */
export async function makeMemoryCredentials(clock: Clock, external?: ExternalTokens): Promise<HostCredentials> {
  const tokens = new TokenAuthority(generateSigningKeys(), clock, external);
  const { identity, token } = await tokens.issue();
  return { tokens, owner: identity, ownerToken: token };
}

/**
 * The credentials kept in a directory (mode 0700, files 0600), made there at the first call:
 *
 *     id_ecdsa      the private key, PEM
 *     id_ecdsa.pub  the public key, PEM
 *     owner.token   a token of the host's owner
 *
 * @throws {HostError} `identity/invalid-key` or `identity/invalid-token` when a file is there and unusable;
 * `host/credentials-missing` when one is not there and no new one may take its place: nothing was written then.
 */
export async function openHostCredentials(
  directory: string,
  clock: Clock,
  options: CredentialsOptions = {},
): Promise<HostCredentials> {
  const tokenPath = join(directory, OWNER_TOKEN);
  await assertNotLost(directory, options.databases ?? []);
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  await chmod(directory, DIRECTORY_MODE);
  const keys = await openSigningKeys(directory);
  const tokens = new TokenAuthority(keys, clock, options.external);
  const stored = await tryReadPrivate(tokenPath);
  if (stored !== undefined) return verifiedOwner(tokens, stored.trim(), tokenPath);
  const { identity, token } = await tokens.issue();
  await writeDurably(tokenPath, `${token}\n`);
  return { tokens, owner: identity, ownerToken: token };
}

/** What credentials are opened with. */
export interface CredentialsOptions {
  /** Verifies tokens of others. Default: none is accepted. */
  readonly external?: ExternalTokens | undefined;
  /**
   * Names of the databases there are, to tell credentials that were never made from such that were lost: databases have
   * an owner, whom only the credentials of then can be. Default: none.
   */
  readonly databases?: readonly string[] | undefined;
}

/** New credentials in place of lost ones would be a stranger's: nobody could open what is there. */
async function assertNotLost(directory: string, databases: readonly string[]): Promise<void> {
  const [hasKey, hasToken] = await Promise.all([isThere(join(directory, KEY)), isThere(join(directory, OWNER_TOKEN))]);
  if (hasKey && hasToken) return;
  // The token is made last: where it is and the key is not, the key was lost.
  if (databases.length === 0 && !hasToken) return;
  const missing = [...(hasKey ? [] : [KEY]), ...(hasToken ? [] : [OWNER_TOKEN])].map((name) => join(directory, name));
  const owned = databases.length === 0 ? '' : `, and the databases here (${databases.slice(0, 3).join(', ')}) need it`;
  throw new HostError({
    code: 'host/credentials-missing',
    message: `${missing.join(' and ')} is missing${owned}. Restore the folder ${directory} from the backup of this data directory; new credentials would lock its owner out. Nothing was changed.`,
    details: { directory, missing, databases: databases.slice(0, 10) },
  });
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function openSigningKeys(directory: string): Promise<SigningKeys> {
  const path = join(directory, KEY);
  const stored = await tryReadPrivate(path);
  const keys = stored === undefined ? generateSigningKeys() : parseSigningKeys(stored);
  // The public half first: when a private key is there, its public file was written before it.
  if (stored === undefined) {
    await writeDurably(`${path}.pub`, keys.publicPem);
    await writeDurably(path, exportPrivatePem(keys));
  }
  return keys;
}

async function verifiedOwner(tokens: TokenAuthority, token: string, path: string): Promise<HostCredentials> {
  try {
    const { identity } = await tokens.verify(token);
    return { tokens, owner: identity, ownerToken: token };
  } catch (error) {
    throw new HostError({
      code: 'identity/invalid-token',
      message: `The owner's token in ${path} is not one of this host's key (${errorMessage(error)}). Restore the file and id_ecdsa beside it from the same backup.`,
      details: { path },
      cause: error,
    });
  }
}

async function tryReadPrivate(path: string): Promise<string | undefined> {
  try {
    await chmod(path, FILE_MODE);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Writes a whole file or nothing: a temporary file, synced, then renamed, then the directory synced. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', FILE_MODE);
  try {
    await file.writeFile(text);
    await file.chmod(FILE_MODE);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(join(path, '..'));
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory; there the rename itself is what can be had.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
