import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALL_EVENTS, openUniverse } from 'inner-universe';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TEST_CERTIFICATE } from '../../inner-universe/test/certificate.ts';
import { cleanUp, CliProcess, makeScratch, runCli, runHere } from './cli-process.ts';
import { ModuleFolder, noteModule } from './module-files.ts';

const CANARY = 'canary-that-must-not-lie-on-disk';
const TIMEOUT_MS = 120_000;

let folder: string;
let data: string;
let keyFile: string;
let files: Readonly<Record<'cert' | 'key', string>>;

beforeAll(() => {
  folder = makeScratch('keys');
  data = join(folder, 'data');
  keyFile = writeKey('first.key', 'base64');
  files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, TEST_CERTIFICATE.cert);
  writeFileSync(files.key, TEST_CERTIFICATE.key);
});
afterAll(cleanUp);

function writeKey(name: string, encoding: 'base64' | 'hex'): string {
  const path = join(folder, name);
  writeFileSync(path, `${randomBytes(32).toString(encoding)}\n`);
  return path;
}

/** Serves over TLS in a process of its own; gives its address. */
async function serveSealed(...args: readonly string[]): Promise<{ process: CliProcess; address: string }> {
  const tls = ['--tls-cert', files.cert, '--tls-key', files.key];
  const process = new CliProcess(['serve', '--data', data, '--port', '0', ...tls, ...args]);
  const [, address = ''] = await process.waitFor(/ at (https:\S+)/);
  return { process, address };
}

/** Whether a text is in any file below a directory. */
function isOnDisk(directory: string, text: string): boolean {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .some((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(text));
}

test(
  'a universe served with a key and a certificate is reached over TLS, and its data cannot be read from the disk',
  { timeout: TIMEOUT_MS },
  async () => {
    const { process: server, address } = await serveSealed('--storage-key-file', keyFile);
    try {
      const publish = ['events', 'publish', 'note.made', JSON.stringify({ text: CANARY }), '--data', data];
      const told = await runCli([...publish, '--ca-file', files.cert]);
      expect(told, told.stderr).toMatchObject({ code: 0 });

      const untrusted = await runCli(['status', '--data', data]);
      expect(untrusted.code).toBe(1);
      expect(untrusted.stderr).toContain('connection/untrusted');

      const token = readFileSync(join(data, 'credentials', 'owner.token'), 'utf8').trim();
      const env = { INNER_UNIVERSE_TOKEN: token, INNER_UNIVERSE_CA_FILE: files.cert };
      const listed = await runCli(['events', 'list', '--server', address], { env });
      expect(listed, listed.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(CANARY) as string });
    } finally {
      // Killed: what was acknowledged is sealed in the log all the same.
      await server.stop('SIGKILL');
    }
    expect(isOnDisk(data, CANARY)).toBe(false);
    expect(isOnDisk(data, 'note.made')).toBe(false);
  },
);

test(
  'a directory that is encrypted opens with its key only: named by option or variable, and told of when it is missing',
  { timeout: TIMEOUT_MS },
  async () => {
    const missing = await runCli(['events', 'list', '--data', data]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/universe\/key-required .*--storage-key-file FILE/);

    const wrong = await runCli(['status', '--data', data, '--storage-key-file', writeKey('wrong.key', 'hex')]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/universe\/wrong-key .*--previous-storage-key-file FILE/);

    const byVariable = await runCli(['events', 'list', '--data', data], {
      env: { INNER_UNIVERSE_STORAGE_KEY_FILE: keyFile },
    });
    expect(byVariable, byVariable.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(CANARY) as string });

    const module = new ModuleFolder().write('module.ts', noteModule({}));
    const development = await runCli(['dev', '--module', module, '--data', data, '--port', '0']);
    expect(development.code).toBe(1);
    expect(development.stderr).toMatch(/host\/key-required .*--storage-key-file FILE/);
  },
);

test(
  'a key is exchanged by naming the one before it, once; the old one opens nothing any more',
  { timeout: TIMEOUT_MS },
  async () => {
    const next = writeKey('next.key', 'hex');
    const { process: server } = await serveSealed('--storage-key-file', next, '--previous-storage-key-file', keyFile);
    await server.stop();
    const old = await runCli(['status', '--data', data, '--storage-key-file', keyFile]);
    expect(old.stderr).toContain('universe/wrong-key');
    const universe = await openUniverse({ data, storageKey: { keyFile: next } });
    const { events } = await universe.client.read('readEvents', { ...ALL_EVENTS, pattern: 'note.made' });
    await universe.close();
    expect(events.map(({ data: text }) => text)).toEqual([expect.stringContaining(CANARY)]);

    const out = join(folder, 'out');
    const sealed = join(folder, 'copy');
    cpSync(data, sealed, { recursive: true });
    const closed = await runCli(['salvage', '--data', sealed, '--out', out]);
    expect(closed.stderr).toContain('host/key-required');
    const opened = await runCli(['salvage', '--data', sealed, '--out', out, '--storage-key-file', next]);
    expect(opened, opened.stderr).toMatchObject({ code: 0 });
    expect(isOnDisk(out, CANARY)).toBe(true);
  },
);

const NONE = '/nowhere/key';
test.each<[what: string, args: () => readonly string[], code: number, message: RegExp]>([
  ['half of a certificate', () => ['serve', '--tls-cert', files.cert], 2, /both --tls-cert FILE and --tls-key FILE/],
  [
    'a certificate that cannot be read',
    () => ['serve', '--tls-cert', NONE, '--tls-key', files.key],
    2,
    /--tls-cert: '\/nowhere\/key' cannot be read/,
  ],
  [
    'a key that is no key of the certificate',
    () => ['serve', '--tls-cert', files.cert, '--tls-key', keyFile],
    2,
    /are no certificate and its key/,
  ],
  [
    'a storage key that cannot be read',
    () => ['serve', '--storage-key-file', NONE],
    1,
    /config\/invalid .*'\/nowhere\/key' cannot be read/,
  ],
  [
    'a file that holds no storage key',
    () => ['serve', '--storage-key-file', files.cert],
    1,
    /config\/invalid .*holds no key/,
  ],
  [
    'a previous key without a next one',
    () => ['serve', '--previous-storage-key-file', keyFile],
    2,
    /--storage-key-file FILE/,
  ],
  [
    'a storage key for a server',
    () => ['status', '--server', 'ws://localhost:1', '--storage-key-file', keyFile],
    2,
    /a server has its own/,
  ],
])('%s is refused before anything is made', async (_what, args, code, message) => {
  const none = join(folder, 'none');
  const [command = '', ...rest] = args();
  const done = await runHere([command, ...(command === 'serve' ? ['--data', none, '--port', '0'] : []), ...rest]);
  expect(done.stderr).toMatch(message);
  expect(done.code).toBe(code);
  expect(readdirSync(folder)).not.toContain('none');
  expect(done.stderr).not.toContain(readFileSync(keyFile, 'utf8').trim());
});
