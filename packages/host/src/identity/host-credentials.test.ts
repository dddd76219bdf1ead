import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../clock/system-clock.ts';
import { makeMemoryCredentials, openHostCredentials } from './host-credentials.ts';

let root: string;
let directory: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'host-credentials-'));
  directory = join(root, 'credentials');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('credentials on disk', () => {
  test('are made at the first opening and are the same ever after', async () => {
    const first = await openHostCredentials(directory, systemClock);
    const guest = await first.tokens.issue();
    const second = await openHostCredentials(directory, systemClock);
    expect(second.owner).toBe(first.owner);
    expect(second.ownerToken).toBe(first.ownerToken);
    expect((await second.tokens.verify(guest.token)).identity).toBe(guest.identity);
    expect((await second.tokens.verify(second.ownerToken)).identity).toBe(first.owner);
  });

  test('nobody but their user may read them, even after somebody opened them up', async () => {
    await openHostCredentials(directory, systemClock);
    const files = ['id_ecdsa', 'id_ecdsa.pub', 'owner.token'].map((name) => join(directory, name));
    for (const file of files) expect(await modeOf(file)).toBe('600');
    expect(await modeOf(directory)).toBe('700');
    await chmod(directory, 0o755);
    await chmod(join(directory, 'id_ecdsa'), 0o644);
    await openHostCredentials(directory, systemClock);
    expect(await modeOf(directory)).toBe('700');
    expect(await modeOf(join(directory, 'id_ecdsa'))).toBe('600');
  });

  test('the public key file is that of the private one', async () => {
    const { tokens } = await openHostCredentials(directory, systemClock);
    expect(await readFile(join(directory, 'id_ecdsa.pub'), 'utf8')).toBe(tokens.publicPem);
  });

  test('a damaged key is refused, and stays as it is', async () => {
    await openHostCredentials(directory, systemClock);
    const path = join(directory, 'id_ecdsa');
    await writeFile(path, 'not a key');
    await expect(openHostCredentials(directory, systemClock)).rejects.toMatchObject({ code: 'identity/invalid-key' });
    expect(await readFile(path, 'utf8')).toBe('not a key');
  });

  test.each([[['owner.token']], [['id_ecdsa']], [['owner.token', 'id_ecdsa', 'id_ecdsa.pub']]])(
    'are not made anew where databases need those that were lost: %j',
    async (lost) => {
      const { owner } = await openHostCredentials(directory, systemClock);
      const kept = new Map<string, string>();
      for (const name of lost) {
        kept.set(name, await readFile(join(directory, name), 'utf8'));
        await rm(join(directory, name));
      }
      if (lost.length > 1) await rm(directory, { recursive: true });
      const left = await readdir(root, { recursive: true });
      const open = () => openHostCredentials(directory, systemClock, { databases: ['people'] });
      await expect(open()).rejects.toMatchObject({
        code: 'host/credentials-missing',
        message: expect.stringMatching(/owner\.token|id_ecdsa.* is missing.*people.*Restore the folder/),
      });
      expect(await readdir(root, { recursive: true })).toEqual(left);
      await mkdir(directory, { recursive: true });
      for (const [name, text] of kept) await writeFile(join(directory, name), text);
      expect((await open()).owner).toBe(owner);
    },
  );

  test('a token without its key is no beginning to go on from, one without databases neither', async () => {
    await openHostCredentials(directory, systemClock);
    await rm(join(directory, 'id_ecdsa'));
    await expect(openHostCredentials(directory, systemClock)).rejects.toMatchObject({
      code: 'host/credentials-missing',
    });
    expect(await readdir(directory)).not.toContain('id_ecdsa');
  });

  test('a making that was cut short goes on', async () => {
    await openHostCredentials(directory, systemClock);
    await rm(join(directory, 'owner.token'));
    const { owner } = await openHostCredentials(directory, systemClock);
    expect((await openHostCredentials(directory, systemClock)).owner).toBe(owner);
  });

  test("an owner's token of another key is refused with its path, not with its text", async () => {
    await openHostCredentials(directory, systemClock);
    const { ownerToken } = await makeMemoryCredentials(systemClock);
    await writeFile(join(directory, 'owner.token'), ownerToken);
    const error: unknown = await openHostCredentials(directory, systemClock).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'identity/invalid-token', message: expect.stringContaining('owner.token') });
    expect(String(error)).not.toContain(ownerToken);
  });
});
