import { describe, expect, test } from 'vitest';
import type { Caller } from '../../host/src/database/calls.ts';
import {
  CANARY,
  common,
  mayKnowScopes,
  OTHER_TEXTS,
  SECRET_REQUEST,
  SECRET_SCOPE,
  secrets,
  TEXTS,
  TRIERS,
} from './canaries.ts';
import { Arguments, Dice } from './random-arguments.ts';
import { OWNER, openUniverse, ops, type Universe } from './universe.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const RUNS = Number(process.env['RUNS'] ?? 24);

async function openVault(trier: string): Promise<{ universe: Universe; caller: Caller }> {
  const universe = await openUniverse();
  const caller = { identity: 0x57a4e4n, connectionId: 9n };
  expect(universe.apply(common())).toBeUndefined();
  for (const request of secrets()) expect(universe.apply(request)).toBeUndefined();
  expect(universe.request(SECRET_REQUEST, [])).toBeUndefined();
  const grants = (TRIERS[trier] ?? []).map(([action, resource, scope]) =>
    ops.grant(caller.identity, action, resource, scope),
  );
  universe.apply(grants);
  if (trier === 'a guest') {
    const guests = [ops.setting('guests', true), ops.grant('role:guest', 'read', 'event:news.**', 'main')];
    expect(universe.apply(guests)).toBeUndefined();
  }
  return { universe, caller };
}

/** What an answer says beyond what the trier may know. */
function told(trier: string, answer: string): boolean {
  const rest = mayKnowScopes(trier) ? answer.replaceAll(SECRET_SCOPE, '') : answer;
  return rest.includes(CANARY);
}

describe.each(Object.keys(TRIERS))(`%s (SEED=${SEED})`, (trier) => {
  process.stdout.write(`${trier}: SEED=${SEED} RUNS=${RUNS}\n`);

  test('learns nothing of the vault from any procedure', async () => {
    const { universe, caller } = await openVault(trier);
    const make = new Arguments(new Dice(SEED), OTHER_TEXTS, TEXTS);
    for (const { name, params } of universe.database.def.procedures) {
      for (let run = 0; run < RUNS; run += 1) {
        const args = make.of(params);
        const answer = universe.answer(caller, 'procedure', name, args);
        expect(told(trier, answer), `SEED=${SEED} ${name} ${show(args)} gave ${answer.slice(0, 1_000)}`).toBe(false);
        if (trier === 'a stranger') expect(answer, name).toContain('permission/denied');
      }
    }
  });

  test('learns nothing of the vault from any reducer or op, and changes nothing in it', async () => {
    const { universe, caller } = await openVault(trier);
    const make = new Arguments(new Dice(SEED + 1), OTHER_TEXTS, TEXTS);
    const before = vaultOf(universe);
    const issuedAt = universe.time.nowMicros();
    let calls = 0;
    for (const { name, params } of callable(universe)) {
      const list = params.find((param) => param.name === 'ops')?.algebraicType;
      const variants = list?.type === 'array' && list.element.type === 'sum' ? list.element.variants : [undefined];
      for (const variant of variants) {
        for (let run = 0; run < RUNS / 2; run += 1) {
          calls += 1;
          const envelope = { ...make.of(params), requestId: `try-${calls}`, issuedAt };
          const args =
            variant === undefined
              ? envelope
              : {
                  ...envelope,
                  consumer: undefined,
                  ops: [{ tag: variant.name, value: make.value(variant.algebraicType) }],
                };
          const answer = universe.answer(caller, 'reducer', name, args);
          expect(told(trier, answer), `SEED=${SEED} ${name} ${show(args)} gave ${answer}`).toBe(false);
          if (trier === 'a stranger') expect(answer, name).toContain('permission/denied');
        }
      }
    }
    expect(vaultOf(universe)).toBe(before);
  });
});

test('the owner is told all of it, so the vault is not empty', async () => {
  const { universe } = await openVault('a stranger');
  const make = new Arguments(new Dice(SEED), OTHER_TEXTS, TEXTS);
  const silent = new Set(universe.database.def.procedures.map(({ name }) => name));
  for (const { name, params } of universe.database.def.procedures) {
    for (let run = 0; run < 3_000 && silent.has(name); run += 1) {
      if (universe.answer(OWNER, 'procedure', name, make.of(params)).includes(CANARY)) silent.delete(name);
    }
  }
  // What these tell holds no text of a user's.
  const plain = [
    'read_status',
    'read_migrations',
    'read_moment',
    'read_history_bound',
    'read_consumer_lag',
    'read_request',
    'read_connections',
  ];
  expect([...silent].filter((name) => !plain.includes(name))).toEqual([]);
});

function callable(universe: Universe): Universe['database']['def']['reducers'] {
  return universe.database.def.reducers.filter(
    ({ lifecycle, visibility }) => lifecycle === undefined && visibility === 'client-callable',
  );
}

/** All rows that hold the canary, as one text. */
function vaultOf(universe: Universe): string {
  const rows = universe.database.def.tables.flatMap(({ name }) =>
    universe.rows(name).map((row) => `${name} ${show(row)}`),
  );
  return rows.filter((row) => row.includes(CANARY) && !row.startsWith('scope ')).join('\n');
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (member instanceof Uint8Array) return new TextDecoder().decode(member);
    return typeof member === 'bigint' ? `${member}n` : member;
  });
}
