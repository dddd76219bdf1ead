import { describe, expect, test } from 'vitest';
import type { Caller } from '../../host/src/database/calls.ts';
import { Arguments, Dice, SENSELESS_TEXTS } from './random-arguments.ts';
import { ADA, BOB, openUniverse, OWNER, ops, type Universe } from './universe.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const RUNS = Number(process.env['RUNS'] ?? 120);
/** What exists, so that arguments are not always about nothing. */
const NAMES = [
  'a',
  'b',
  'r',
  'v',
  'w',
  'cart',
  'main',
  'mail',
  'person',
  'knows',
  'order.placed',
  'e0',
  't',
  'team',
  'd',
];

/** A universe with a little of everything, an owner, one who holds rights, and one who holds few. */
async function openFurnished(): Promise<Universe> {
  const universe = await openUniverse();
  const v = ops.version('v', [], { move: { branch: 'main' } });
  const consumer = { name: 'mail', scope: '', pattern: '**', partitions: 2, startSeq: 0n, holdsTrim: false };
  const refused = universe.apply([
    ops.event('e0'),
    ops.entity('a', { tags: ['t'] }),
    ops.entity('b'),
    ops.relation('r', 'a', 'b'),
    v,
    ops.version('w', [v]),
    ops.chunk('d', 1),
    { tag: 'createConsumer', value: { ...consumer, failurePolicy: 'park' } },
    ...['read', 'write', 'consume', 'grant:admin'].map((action) => ops.grant(ADA.identity, action, 'scope:*')),
    ops.grant(ADA.identity, 'consume', 'event:**'),
    ops.grant(ADA.identity, 'configure', 'config:history'),
    ops.grant(BOB.identity, 'read', 'entity:person'),
  ]);
  expect(refused).toBeUndefined();
  return universe;
}

describe(`arguments of the right types that make no sense (SEED=${SEED})`, () => {
  // Printed, so that a failure can be had again.
  process.stdout.write(`senseless arguments: SEED=${SEED} RUNS=${RUNS}\n`);

  test('are refused by every op with a code of the contract, and a refusal changes nothing', async () => {
    const universe = await openFurnished();
    const dice = new Dice(SEED);
    const make = new Arguments(dice, [...SENSELESS_TEXTS, ...NAMES, ...NAMES]);
    const { params } = universe.database.def.reducers.find(({ name }) => name === 'apply')!;
    const list = params.find(({ name }) => name === 'ops')!.algebraicType;
    const op = list.type === 'array' && list.element.type === 'sum' ? list.element : undefined;
    const refused = new Map<string, number>();
    for (let run = 0; run < RUNS; run += 1) {
      for (const variant of op!.variants) {
        const value = make.value(variant.algebraicType);
        const args = { requestId: `r${run}-${variant.name}`, issuedAt: universe.time.nowMicros(), consumer: undefined };
        const caller = dice.pick([OWNER, ADA, ADA, BOB]);
        const what = `SEED=${SEED} run ${run}: ${variant.name} ${show(value)}`;
        const code = callOnce(universe, caller, {
          name: 'apply',
          args: { ...args, ops: [{ tag: variant.name, value }] },
          what,
        });
        refused.set(code, (refused.get(code) ?? 0) + 1);
      }
    }
    // It was about something: some succeeded, and many refusals have been met.
    expect(refused.get('')).toBeGreaterThan(0);
    if (RUNS >= 100) expect(refused.size).toBeGreaterThan(12);
  });

  test('are refused by every reducer, envelope and all', async () => {
    const universe = await openFurnished();
    const dice = new Dice(SEED + 1);
    const make = new Arguments(dice, [...SENSELESS_TEXTS, ...NAMES]);
    const reducers = universe.database.def.reducers.filter(
      ({ lifecycle, visibility }) => lifecycle === undefined && visibility === 'client-callable',
    );
    for (let run = 0; run < RUNS / 4; run += 1) {
      for (const { name, params } of reducers) {
        const args = make.of(params);
        const what = `SEED=${SEED} run ${run}: ${name} ${show(args)}`;
        callOnce(universe, dice.pick([OWNER, ADA, BOB]), { name, args, what });
      }
    }
  });

  test('are refused by every procedure, or give a page', async () => {
    const universe = await openFurnished();
    const dice = new Dice(SEED + 2);
    const make = new Arguments(dice, [...SENSELESS_TEXTS, ...NAMES, '', '']);
    const before = universe.dump();
    for (let run = 0; run < RUNS; run += 1) {
      for (const { name, params } of universe.database.def.procedures) {
        const args = make.of(params);
        const what = `SEED=${SEED} run ${run}: ${name} ${show(args)}`;
        try {
          universe.read(name, args, dice.pick([OWNER, ADA, BOB]));
        } catch (error) {
          if (!(error instanceof Error && 'refusal' in error)) throw new Error(what, { cause: error });
          expect(error.message, what).not.toContain('module/internal');
        }
      }
    }
    expect(universe.dump()).toBe(before);
  });
});

interface Call {
  readonly name: string;
  readonly args: object;
  readonly what: string;
}

/** Calls a reducer and gives the code of its refusal, or nothing; checks that a refusal changed nothing. */
function callOnce(universe: Universe, caller: Caller, { name, args, what }: Call): string {
  const commits = universe.commits.length;
  let code: string;
  try {
    code = universe.call(caller, name, args)?.code ?? '';
  } catch (error) {
    throw new Error(what, { cause: error });
  }
  expect(code, what).not.toBe('module/internal');
  // The host tells of each commit that changed a row.
  if (code !== '')
    expect(
      universe.commits.slice(commits).flatMap(({ deltas }) => deltas),
      what,
    ).toEqual([]);
  return code;
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member)).slice(
    0,
    2_000,
  );
}
