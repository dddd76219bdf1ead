import { expect, test } from 'vitest';
import { defOf, enumOf, scheduleAt, text, u32, u64 } from '../../test/migration/definition.ts';
import { describePlan, formatPlan, formatRefusals } from './describe-plan.ts';
import { planMigration } from './plan-migration.ts';

test('a plan reads as what will be done, one line for each change', () => {
  const id = { name: 'id', type: u64 };
  const before = defOf({
    tables: [
      { name: 'person', columns: [id, { name: 'kind', type: enumOf('a') }], primaryKey: 'id', unique: [['kind']] },
      { name: 'gone', columns: [id] },
      { name: 'signal', columns: [id], isEvent: true },
    ],
    views: [{ name: 'adults', columns: [id] }],
    rowLevelSecurity: ['SELECT * FROM person'],
  });
  const after = defOf({
    tables: [
      {
        name: 'person',
        accessor: 'People',
        access: 'private',
        columns: [
          id,
          { name: 'kind', type: enumOf('a', 'b') },
          { name: 'nick', type: enumOf(['some', text], 'none'), default: { tag: 1, value: [] } },
        ],
        indexes: [{ columns: ['kind'] }],
        autoIncrement: ['id'],
      },
      {
        name: 'job',
        access: 'private',
        columns: [id, { name: 'at', type: scheduleAt }],
        primaryKey: 'id',
        autoIncrement: ['id'],
        schedule: { at: 'at', calls: 'run_job' },
      },
      { name: 'signal', columns: [{ name: 'level', type: u32 }], isEvent: true },
    ],
    views: [{ name: 'minors', columns: [id], isPublic: false }],
  });
  expect(formatPlan(describePlan(planMigration(before, after))).split('\n')).toEqual([
    '- index person_id_idx_btree of table person',
    '- unique constraint on person(id)',
    '- unique constraint on person(kind)',
    '- view adults',
    '- row-level security rule: SELECT * FROM person',
    '- table gone (only if it is empty)',
    '~ table person: more variants',
    '    ~ kind: a becomes a | b',
    '~ event table signal: its columns are now',
    '    ~ level: u32',
    '~ table person: every row gets new columns at its end, with their defaults',
    '    + nick: string?',
    '~ table person: accessor person becomes People',
    '+ private table job',
    '    + id: u64',
    '    + at: Interval(TimeDuration) | Time(Timestamp)',
    '    + primary key id',
    '    + unique (id)',
    '    + index job_id_idx_btree',
    '    + auto-increment of id',
    '    + its rows call run_job on schedule',
    '+ auto-increment of person.id',
    '+ private view minors',
    '~ table person becomes private',
    '~ table person: primary key id becomes none',
    '! all clients are disconnected, and those with old bindings may not work any more',
  ]);
});

test('refusals say which rule, why, and what to do', () => {
  const before = defOf({ tables: [{ name: 'person', columns: [{ name: 'age', type: u32 }] }] });
  const after = defOf({ tables: [{ name: 'person', columns: [{ name: 'age', type: u64 }] }] });
  const plan = planMigration(before, after);
  expect(formatRefusals(plan.refusals)).toBe(
    '  - [ChangeColumnType] column `age` of table `person` would change its type: its type would change from u32 to u64. Add a new column at the end with a default, and fill it in a reducer.',
  );
  expect(formatPlan(describePlan(plan))).toMatch(/^x \[ChangeColumnType\].*\n {4}x Add a new column/);
});

test('a plan that changes no data says so', () => {
  const def = defOf({ tables: [{ name: 'person', columns: [{ name: 'age', type: u32 }] }] });
  expect(formatPlan(describePlan(planMigration(def, def)))).toBe('No changes to the data.');
});
