import { afterAll, expect, test } from 'vitest';
import { describeProgram } from '../../../src/module/describe-program.ts';
import { makeProgramLoader } from '../../../src/module/program-loader.ts';
import { readTestModule } from '../../../src/testing/module-texts.ts';
import { fixture } from '../../conformance/forms.ts';
import { readCorpus } from './corpus.ts';
import { DefinitionTarget } from './definition-target.ts';
import { FrameTarget } from './frame-target.ts';
import { fuzz, type FuzzTarget, readFuzzOptions } from './fuzz-target.ts';
import { JsonTarget } from './json-target.ts';
import { SqlTarget } from './sql-target.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

/** What is kept, then inputs by chance; or, with `REPLAY`, one input alone. */
async function feed<Input>(target: FuzzTarget<Input>, runsDefault: number, kept: readonly string[]): Promise<void> {
  const { replay, ...options } = readFuzzOptions(runsDefault);
  if (replay !== undefined) {
    const [name, line] = [replay.split(' ', 1)[0], replay.slice(replay.indexOf(' ') + 1)];
    if (name === target.name) await target.run(target.read(line));
    return;
  }
  for (const line of kept) await target.run(target.read(line));
  await fuzz(target, options);
}

const isReplay = process.env['REPLAY'] !== undefined;

test('frames: each is answered or ends its own connection, and nobody else is harmed', async () => {
  const target = await FrameTarget.open();
  closing.push(() => target.close());
  await feed(target, 400, readCorpus('frames'));
}, 0);

test('SQL: each text is answered or refused as a query, and what is subscribed to is what asking gives', async () => {
  const target = await SqlTarget.open();
  closing.push(() => target.close());
  await feed(target, 400, readCorpus('sql'));
  if (!isReplay) expect(target.answered).toBeGreaterThan(20);
}, 0);

test('SATS-JSON: each text is a value or refused as none, and a value comes back from its own JSON', async () => {
  const target = new JsonTarget();
  await feed(target, 3_000, readCorpus('json'));
  if (!isReplay) expect(target.values).toBeGreaterThan(100);
}, 0);

test('definitions of modules: each is one, or refused with what is wrong with it', async () => {
  const loader = makeProgramLoader();
  const sound: Uint8Array[] = [];
  for (const name of ['conf-names.ts', 'conf-rooms.ts', 'conf-views.ts']) {
    sound.push(describeProgram(await loader.load(await readTestModule(fixture(name)))).raw);
  }
  const target = new DefinitionTarget(sound);
  await feed(
    target,
    1_000,
    sound.map((bytes) => target.write(bytes)),
  );
  if (!isReplay) expect(target.accepted).toBeGreaterThan(10);
}, 0);
