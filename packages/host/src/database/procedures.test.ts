import { describe, expect, test } from 'vitest';
import { ADA, openModule, type ModuleDatabase } from '../../test/module-database.ts';

async function openTeams(): Promise<ModuleDatabase> {
  const db = await openModule('people.ts');
  for (const [name, team] of [
    ['ada', 'red'],
    ['bob', 'red'],
    ['cy', 'blue'],
  ] as const)
    db.call(ADA, 'add_person', name, team, 30);
  return db;
}

const teams = (db: ModuleDatabase): string =>
  db
    .rows('person')
    .map(([, , team]) => team as string)
    .join();

describe('procedures', () => {
  test('return a value and read in a transaction of their own', async () => {
    const db = await openTeams();
    const { result, value } = db.run(ADA, 'count_people', 'red');
    expect(value).toBe(2n);
    expect(result.offset).toBeUndefined();
  });

  test('commit what they write, and tell the last record', async () => {
    const db = await openTeams();
    const commits: string[] = [];
    db.database.onCommit(({ kind, functionName, deltas, origin }) =>
      commits.push(`${kind} ${functionName} ${deltas.length} ${origin?.identity}`),
    );
    const { result, value } = db.run(ADA, 'move_team', 'red', 'green', 'second');
    expect(value).toBe(2);
    expect(result.offset).toBe(5n);
    expect(teams(db)).toBe('green,green,blue');
    expect(db.result('moved')).toBe('2');
    expect(commits).toEqual([`procedure move_team 1 ${ADA.identity}`, `procedure move_team 1 ${ADA.identity}`]);
  });

  test('take a transaction back when its body throws', async () => {
    const db = await openTeams();
    const { result } = db.run(ADA, 'move_team', 'red', 'green', 'abort');
    expect(result.outcome).toEqual({ type: 'failed', message: 'aborted', reason: 'user' });
    expect(teams(db)).toBe('red,red,blue');
  });

  test('keep what was committed when they fail later', async () => {
    const db = await openTeams();
    const { result } = db.run(ADA, 'move_team', 'red', 'green', 'throw');
    expect(result.outcome.type === 'failed' && result.outcome.message).toMatch(
      /^Uncaught Error: after the commit\n {4}at /,
    );
    expect(teams(db)).toBe('green,green,blue');
    expect(result.offset).toBe(4n);
  });

  test('cannot nest transactions', async () => {
    const db = await openTeams();
    const { result } = db.run(ADA, 'move_team', 'red', 'red', 'nested');
    expect(result.outcome.type === 'failed' && result.outcome.message).toMatch(
      /Attempted async or blocking op while holding open a transaction/,
    );
    expect(db.call(ADA, 'search_people').outcome).toEqual({ type: 'committed' });
  });

  test('share no globals with reducers', async () => {
    const db = await openModule('globals.ts');
    db.database.callReducer(ADA, 'count_up', new Uint8Array(0));
    db.database.callReducer(ADA, 'count_up', new Uint8Array(0));
    expect(db.rows('counter')).toEqual([[1], [2]]);
    expect(db.run(ADA, 'look').value).toBe(0);
  });

  test('that leave a transaction open have it taken back', async () => {
    const db = await openModule('globals.ts');
    const { result } = db.run(ADA, 'leave_open');
    expect(result.outcome).toMatchObject({ type: 'returned' });
    expect(db.rows('counter')).toEqual([]);
    expect(db.logTexts()).toContain('error: aborting dangling anonymous transaction in procedure leave_open');
    expect(db.database.callReducer(ADA, 'count_up', new Uint8Array(0)).outcome).toEqual({ type: 'committed' });
  });

  test('refuse unknown names, private ones and wrong arguments', async () => {
    const db = await openTeams();
    const outcome = (name: string, args: Uint8Array) => db.database.callProcedure(ADA, name, args).outcome;
    expect(outcome('nope', new Uint8Array(0))).toEqual({
      type: 'failed',
      message: 'No such procedure',
      reason: 'unknown-function',
    });
    expect(outcome('run_job', new Uint8Array(0))).toMatchObject({ message: 'No such procedure' });
    expect(outcome('count_people', new Uint8Array(2))).toMatchObject({ reason: 'invalid-arguments' });
  });
});
