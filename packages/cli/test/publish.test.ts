import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runCommandLine } from '../src/run.ts';
import { cleanUp, type CliOutcome, type CliProcess, makeScratch, runCli, startServer } from './cli-process.ts';
import { ModuleFolder, type NoteModule, noteModule } from './module-files.ts';

const BROKEN_SHAPE: NoteModule = { columns: 'words: t.u32(),', values: 'words: text.length,' };
const WITH_COLUMN: NoteModule = {
  columns: `text: t.string(), color: t.string().default('grey'),`,
  values: `text, color: 'red',`,
};

const data = join(makeScratch('publish'), 'data');
const folder = new ModuleFolder();
const tokenFile = join(data, 'credentials', 'owner.token');
let server: CliProcess;
let address: string;
let database: string;
let count = 0;

beforeAll(async () => {
  ({ process: server, address } = await startServer(data));
});
beforeEach(() => {
  database = `notes-${(count += 1)}`;
});
afterAll(async () => {
  await server.stop();
  cleanUp();
});

function publishArgs(module: NoteModule, ...options: string[]): string[] {
  const path = folder.write('module.ts', noteModule(module));
  return ['publish', '--server', address, '--database', database, '--module', path, ...options];
}

/** Runs a command in this process, with an answer to every question, or with nobody there to ask. */
async function run(args: readonly string[], answer?: boolean): Promise<CliOutcome & { questions: readonly string[] }> {
  const questions: string[] = [];
  let [stdout, stderr] = ['', ''];
  const output = {
    isTerminal: answer !== undefined,
    out: (line: string) => void (stdout += `${line}\n`),
    err: (part: string) => void (stderr += part),
  };
  const ask = async (question: string): Promise<boolean> => {
    questions.push(question);
    return answer === true;
  };
  const context = { output, signal: new AbortController().signal, ask: answer === undefined ? undefined : ask };
  const code = await runCommandLine(args, context);
  [stdout, stderr] = [stripVTControlCharacters(stdout), stripVTControlCharacters(stderr)];
  expect(stdout + stderr).not.toContain(readFileSync(tokenFile, 'utf8').trim());
  return { code, signal: null, stdout, stderr, questions };
}

function publish(module: NoteModule, ...options: string[]): ReturnType<typeof run> {
  return run(publishArgs(module, '--token-file', tokenFile, ...options));
}

/** Publishes with somebody there to answer. */
function publishAsked(module: NoteModule, answer: boolean, ...options: string[]): ReturnType<typeof run> {
  return run(publishArgs(module, '--token-file', tokenFile, ...options), answer);
}

test('a new database, then a change that disturbs nobody, each with its plan shown', async () => {
  const created = await runCli(publishArgs({}, '--token-file', tokenFile));
  expect(created, created.stderr).toMatchObject({ code: 0 });
  expect(created.stdout).toMatch(new RegExp(`^${database} created at http.*\nidentity c200[0-9a-f]{60}\n$`));
  expect(created.stderr).toContain(`+ a new database ${database}`);

  const tables = 'const tag = table({ public: true }, { name: t.string().primaryKey() });';
  const updated = await publish({ tables }, '--json');
  expect(updated, updated.stderr).toMatchObject({ code: 0 });
  expect(updated.stderr).toMatch(/\+ public table tag/);
  expect(JSON.parse(updated.stdout)).toMatchObject({
    database,
    outcome: 'updated',
    plan: { type: 'automatic', breaksClients: false },
  });
});

test('what disconnects clients is refused where nobody can be asked, and done when it is allowed', async () => {
  await publish({});
  const refused = await publish(WITH_COLUMN);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/color[\s\S]*disconnected[\s\S]*cli\/not-confirmed .*--break-clients or --yes/);
  const allowed = await publish(WITH_COLUMN, '--break-clients');
  expect(allowed, allowed.stderr).toMatchObject({ code: 0 });
  expect(allowed.stdout).toContain(`${database} updated`);
});

test('on a terminal it asks, and does what it is told', async () => {
  await publish({});
  const no = await publishAsked(WITH_COLUMN, false);
  expect(no).toMatchObject({ code: 1, questions: ['This disconnects all clients. Go on?'] });
  expect(no.stderr).toContain('Nothing was changed.');
  const yes = await publishAsked(WITH_COLUMN, true);
  expect(yes, yes.stderr).toMatchObject({ code: 0, questions: ['This disconnects all clients. Go on?'] });
  const again = await publishAsked(WITH_COLUMN, false);
  expect(again, again.stderr).toMatchObject({ code: 0, questions: [] });
});

test('where no migration leads, it says why; data are deleted only when that was asked for and confirmed', async () => {
  await publish({});
  const refused = await publish(BROKEN_SHAPE, '--yes');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/publish\/refused[\s\S]*note[\s\S]*--delete-data=on-conflict/);
  const unconfirmed = await publish(BROKEN_SHAPE, '--delete-data=on-conflict');
  expect(unconfirmed.stderr).toMatch(/cli\/not-confirmed This deletes all data .*--yes/);
  const done = await publish(BROKEN_SHAPE, '--delete-data=on-conflict', '--yes');
  expect(done, done.stderr).toMatchObject({ code: 0 });
  expect(done.stderr).toContain('! all data of the database are deleted instead');
  const always = await publishAsked(BROKEN_SHAPE, true, '--delete-data');
  expect(always.questions).toEqual(['This deletes all data of the database, and disconnects its clients. Go on?']);
  expect(always.code, always.stderr).toBe(0);
  expect(always.stderr).toContain('! all data of the database are deleted instead');
  const unchanged = await publish(BROKEN_SHAPE, '--json', '--yes');
  expect(unchanged.stderr).not.toContain('deleted');
  expect(JSON.parse(unchanged.stdout)).toMatchObject({ deletedData: false });
});

test('the token comes from a file, the environment, or the data directory of a host on this machine', async () => {
  const token = readFileSync(tokenFile, 'utf8').trim();
  const byVariable = await runCli(publishArgs({}), { env: { INNER_UNIVERSE_TOKEN: token } });
  expect(byVariable, byVariable.stderr).toMatchObject({ code: 0 });
  const args = publishArgs({});
  const byDirectory = await run(['publish', '--data', data, ...args.slice(3)]);
  expect(byDirectory, byDirectory.stderr).toMatchObject({ code: 0 });
  const bySameAddress = await run([...args.map((word) => word.replace('127.0.0.1', 'localhost')), '--data', data]);
  expect(bySameAddress, bySameAddress.stderr).toMatchObject({ code: 0 });

  const without = await run(args);
  expect(without).toMatchObject({ code: 1, stdout: '' });
  expect(without.stderr).toMatch(/publish\/no-token .*--token-file.*owner\.token/);
  const elsewhere = await run(['publish', '--server', 'http://127.0.0.1:1', '--data', data, ...args.slice(3)]);
  expect(elsewhere.stderr).toContain('publish/no-token');
  const noToken = await run([...args, '--token-file', join(data, 'host.json')]);
  expect(noToken).toMatchObject({ code: 2 });
  expect(noToken.stderr).toMatch(/is no token/);
  expect(noToken.stderr).not.toContain('startedAt');
});

test('who may not publish is told so, with what to do', async () => {
  const foreign = (await (await fetch(new URL('/v1/identity', address), { method: 'POST' })).json()) as {
    token: string;
  };
  const asStranger = await run(publishArgs({}, '--token', foreign.token));
  expect(asStranger).toMatchObject({ code: 1, stdout: '' });
  expect(asStranger.stderr).toMatch(/server\/(unauthorized|forbidden)/);
  await publish({});
  const ofAnother = await run(publishArgs({}, '--token', foreign.token));
  expect(ofAnother.stderr).toMatch(/server\/(unauthorized|forbidden) .*Use a token of the identity that owns/);
  const withNonsense = await run(publishArgs({}, '--token', 'nonsense'));
  expect(withNonsense.stderr).toMatch(/server\/unauthorized .*does not accept the token/);
  expect(withNonsense.stderr).not.toContain('nonsense');
});

test('a module that cannot be is refused in its own words, and nothing is made', async () => {
  const failing = await publish({
    more: `export const init = spacetimedb.init(() => { throw new Error('no start'); });`,
  });
  expect(failing).toMatchObject({ code: 1, stdout: '' });
  expect(failing.stderr).toMatch(/server\/refused[\s\S]*no start/);
  const schema = await run(['generate', '--server', address, '--database', database, '--out', folder.path]);
  expect(schema.stderr).toMatch(/server\/no-such-database .*has no database/);
});

test('without a module of one\u2019s own it publishes that of Inner Universe', async () => {
  const published = await run(['publish', '--data', data, '--database', database]);
  expect(published, published.stderr).toMatchObject({ code: 0 });
  const status = await run(['status', '--data', data, '--database', database, '--json']);
  expect(JSON.parse(status.stdout), status.stderr).toMatchObject({ database, counts: { events: 0 } });
}, 60_000);
