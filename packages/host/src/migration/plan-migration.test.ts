import { describe, expect, test } from 'vitest';
import {
  defOf,
  enumOf,
  type ModuleSpec,
  scheduleAt,
  structOf,
  type TableSpec,
  text,
  u32,
  u64,
  u8,
} from '../../test/migration/definition.ts';
import type { MigrationPlan } from './migration-plan.ts';
import { planMigration } from './plan-migration.ts';

const id = { name: 'id', type: u64 };
const name = { name: 'name', type: text };
const person: TableSpec = { name: 'person', columns: [id, name], primaryKey: 'id' };

/** The plan from one module to another; a bare table stands for a module of it alone. */
function plan(before: ModuleSpec | TableSpec, after: ModuleSpec | TableSpec): MigrationPlan {
  const [from, to] = [before, after].map((spec) => defOf('columns' in spec ? { tables: [spec as TableSpec] } : spec));
  return planMigration(from!, to!);
}

function column(type: TableSpec['columns'][number]['type']): TableSpec {
  return { ...person, columns: [id, { name: 'value', type }] };
}

const types = ({ steps }: MigrationPlan): string[] => steps.map(({ type }) => type);

interface Rule {
  readonly change: string;
  readonly before: ModuleSpec | TableSpec;
  readonly after: ModuleSpec | TableSpec;
}

const view = { name: 'adults', columns: [id, name] };
const job: TableSpec = {
  name: 'job',
  columns: [id, { name: 'at', type: scheduleAt }, { name: 'other_at', type: scheduleAt }],
  primaryKey: 'id',
  schedule: { at: 'at', calls: 'run_job' },
};
const { schedule: _schedule, ...plainJob } = job;

describe('a change that is made', () => {
  const rules: readonly (Rule & { readonly steps: readonly string[]; readonly breaks?: boolean })[] = [
    { change: 'nothing', before: person, after: person, steps: [] },
    { change: 'a table more', before: {}, after: person, steps: ['add-table'] },
    { change: 'a scheduled table more', before: {}, after: job, steps: ['add-table'] },
    { change: 'a table less', before: person, after: {}, steps: ['remove-table'], breaks: true },
    {
      change: 'a renamed table',
      before: person,
      after: { ...person, name: 'human' },
      steps: ['remove-table', 'add-table'],
      breaks: true,
    },
    {
      change: 'columns at the end with defaults',
      before: person,
      after: { ...person, columns: [id, name, { name: 'age', type: u32, default: 7 }] },
      steps: ['add-columns'],
      breaks: true,
    },
    {
      change: 'another default',
      before: { ...person, columns: [id, { ...name, default: 'a' }] },
      after: { ...person, columns: [id, { ...name, default: 'b' }] },
      steps: [],
    },
    {
      change: 'no default any more',
      before: { ...person, columns: [id, { ...name, default: 'a' }] },
      after: person,
      steps: [],
    },
    {
      change: 'more variants',
      before: column(enumOf('a', 'b')),
      after: column(enumOf('a', 'b', 'c')),
      steps: ['change-columns'],
    },
    {
      change: 'more variants of one payload',
      before: column(enumOf('a', ['b', u64])),
      after: column(enumOf('a', ['b', u64], ['c', u32])),
      steps: ['change-columns'],
    },
    {
      change: 'more variants inside a struct and an array',
      before: column({ type: 'array', element: structOf({ kind: enumOf('a') }) }),
      after: column({ type: 'array', element: structOf({ kind: enumOf('a', 'b') }) }),
      steps: ['change-columns'],
    },
    {
      change: 'more variants and more columns',
      before: column(enumOf('a')),
      after: { ...person, columns: [id, { name: 'value', type: enumOf('a', 'b') }, { ...name, default: '' }] },
      steps: ['change-columns', 'add-columns'],
      breaks: true,
    },
    { change: 'public to private', before: person, after: { ...person, access: 'private' }, steps: ['change-access'] },
    { change: 'private to public', before: { ...person, access: 'private' }, after: person, steps: ['change-access'] },
    {
      change: 'another primary key',
      before: person,
      after: { ...person, primaryKey: 'name' },
      steps: ['remove-index', 'remove-constraint', 'add-index', 'add-constraint', 'change-primary-key'],
    },
    {
      change: 'no primary key any more',
      before: person,
      after: { name: 'person', columns: person.columns },
      steps: ['remove-index', 'remove-constraint', 'change-primary-key'],
    },
    {
      change: 'other columns of an event table',
      before: { name: 'event', columns: [id], isEvent: true },
      after: { name: 'event', columns: [name], isEvent: true },
      steps: ['reschema-event-table'],
      breaks: true,
    },
    {
      change: 'more variants in an event table',
      before: { name: 'event', columns: [{ name: 'kind', type: enumOf('a') }], isEvent: true },
      after: { name: 'event', columns: [{ name: 'kind', type: enumOf('a', 'b') }], isEvent: true },
      steps: ['reschema-event-table'],
    },
    {
      change: 'an index more',
      before: person,
      after: { ...person, indexes: [{ columns: ['name'] }] },
      steps: ['add-index'],
    },
    {
      change: 'an index less',
      before: { ...person, indexes: [{ columns: ['name'] }] },
      after: person,
      steps: ['remove-index'],
    },
    {
      change: 'another algorithm under one name',
      before: { ...person, indexes: [{ columns: ['name'], name: 'by_name' }] },
      after: {
        ...person,
        indexes: [{ columns: ['name'], name: 'by_name', algorithm: 'hash', sourceName: 'person_name_idx_btree' }],
      },
      steps: ['remove-index', 'add-index'],
    },
    {
      change: 'other columns under one index name',
      before: { ...person, indexes: [{ columns: ['name'], name: 'lookup', sourceName: 'lookup_source' }] },
      after: { ...person, indexes: [{ columns: ['name', 'id'], name: 'lookup', sourceName: 'lookup_source' }] },
      steps: ['remove-index', 'add-index'],
    },
    {
      change: 'another source name of an index',
      before: { ...person, indexes: [{ columns: ['name'], name: 'by_name', sourceName: 'old' }] },
      after: { ...person, indexes: [{ columns: ['name'], name: 'by_name', sourceName: 'new' }] },
      steps: ['change-index-source-name'],
    },
    {
      change: 'another accessor of a table',
      before: { ...person, accessor: 'Person' },
      after: { ...person, accessor: 'People' },
      steps: ['change-table-accessor'],
    },
    {
      change: 'a unique constraint more',
      before: { ...person, indexes: [{ columns: ['name'] }] },
      after: { ...person, unique: [['name']] },
      steps: ['add-constraint'],
    },
    {
      change: 'a unique constraint less',
      before: { ...person, unique: [['name']] },
      after: { ...person, indexes: [{ columns: ['name'] }] },
      steps: ['remove-constraint'],
    },
    { change: 'auto-increment', before: person, after: { ...person, autoIncrement: ['id'] }, steps: ['add-sequence'] },
    {
      change: 'no auto-increment any more',
      before: { ...person, autoIncrement: ['id'] },
      after: person,
      steps: ['remove-sequence'],
    },
    {
      change: 'another range of auto-increment',
      before: { ...person, autoIncrement: ['id'] },
      after: { ...person, autoIncrement: ['id'], sequence: { start: 100n } },
      steps: ['remove-sequence', 'add-sequence'],
    },
    { change: 'a view more', before: {}, after: { views: [view] }, steps: ['add-view'] },
    { change: 'a view less', before: { views: [view] }, after: {}, steps: ['remove-view'], breaks: true },
    { change: 'a view that stays', before: { views: [view] }, after: { views: [view] }, steps: ['update-view'] },
    {
      change: 'a view that becomes private',
      before: { views: [view] },
      after: { views: [{ ...view, isPublic: false }] },
      steps: ['change-access', 'update-view'],
    },
    ...[
      { change: 'columns of a view', after: { ...view, columns: [id] } },
      { change: 'the order of a view', after: { ...view, columns: [name, id] } },
      { change: 'a type in a view', after: { ...view, columns: [{ ...id, type: u32 }, name] } },
      { change: 'whom a view is for', after: { ...view, isAnonymous: false } },
      { change: 'the key of a view', after: { ...view, primaryKey: 'id' } },
    ].map(({ change, after }) => ({
      change,
      before: { views: [view] },
      after: { views: [after] },
      steps: ['remove-view', 'add-view'],
      breaks: true,
    })),
    {
      change: 'row-level security',
      before: { tables: [person], rowLevelSecurity: ['SELECT * FROM person WHERE id = 1'] },
      after: { tables: [person], rowLevelSecurity: ['SELECT * FROM person WHERE id = 2'] },
      steps: ['remove-row-level-security', 'add-row-level-security'],
      breaks: true,
    },
    {
      change: 'row-level security that stays',
      before: { tables: [person], rowLevelSecurity: ['SELECT * FROM person WHERE id = 1'] },
      after: { tables: [person], rowLevelSecurity: ['SELECT * FROM person WHERE id = 1'] },
      steps: [],
    },
  ];

  test.each(rules)('$change', ({ before, after, steps, breaks = false }) => {
    const made = plan(before, after);
    expect(made.refusals).toEqual([]);
    expect(types(made)).toEqual(breaks ? [...steps, 'disconnect-all-users'] : steps);
    expect(made.breaksClients).toBe(breaks);
  });

  test('has its steps in the one order, whatever the order of declaration', () => {
    const before: ModuleSpec = {
      tables: [
        { ...person, indexes: [{ columns: ['name'] }] },
        { ...person, name: 'gone' },
      ],
    };
    const after: ModuleSpec = {
      tables: [
        { ...person, name: 'b' },
        { ...person, unique: [['name']] },
        { ...person, name: 'a' },
      ],
    };
    const { steps } = plan(before, after);
    expect(
      steps.map((step) => [
        step.type,
        'table' in step ? (typeof step.table === 'string' ? step.table : step.table.name) : '',
      ]),
    ).toEqual([
      ['remove-table', 'gone'],
      ['add-table', 'a'],
      ['add-table', 'b'],
      ['add-constraint', 'person'],
      ['disconnect-all-users', ''],
    ]);
  });
});

describe('a change that is refused', () => {
  const rules: readonly (Rule & { readonly refusals: readonly (readonly [string, RegExp])[] })[] = [
    {
      change: 'a column without a default',
      before: person,
      after: { ...person, columns: [id, name, { name: 'age', type: u32 }] },
      refusals: [['AddColumn', /`age` to table `person` requires a default value annotation/]],
    },
    {
      change: 'a column less',
      before: person,
      after: { ...person, columns: [id] },
      refusals: [['RemoveColumn', /`name` of table `person` would be gone/]],
    },
    {
      change: 'a renamed column',
      before: person,
      after: { ...person, columns: [id, { name: 'label', type: text }] },
      refusals: [
        ['RemoveColumn', /`name`/],
        ['AddColumn', /`label`/],
      ],
    },
    {
      change: 'columns in another order',
      before: person,
      after: { ...person, columns: [name, id] },
      refusals: [
        ['ReorderTable', /`id` .* would move/],
        ['ReorderTable', /`name` .* would move/],
      ],
    },
    {
      change: 'a column in the middle',
      before: person,
      after: { ...person, columns: [id, { name: 'age', type: u32, default: 1 }, name] },
      refusals: [['ReorderTable', /`age` .* before column `name`/]],
    },
    {
      change: 'a wider integer',
      before: column(u32),
      after: column(u64),
      refusals: [['ChangeColumnType', /from u32 to u64/]],
    },
    {
      change: 'an option around a type',
      before: column(text),
      after: column(enumOf(['some', text], 'none')),
      refusals: [['ChangeColumnType', /from string to string\?/]],
    },
    {
      change: 'another type inside an array',
      before: column({ type: 'array', element: u32 }),
      after: column({ type: 'array', element: text }),
      refusals: [['ChangeColumnType', /from u32 to string/]],
    },
    {
      change: 'a variant less',
      before: column(enumOf('a', 'b')),
      after: column(enumOf('a')),
      refusals: [['FewerVariants', /`b`/]],
    },
    {
      change: 'a renamed variant',
      before: column(enumOf('a', 'b')),
      after: column(enumOf('a', 'c', 'd')),
      refusals: [['RenamedVariant', /`b` would be named `c`/]],
    },
    {
      change: 'a variant that takes more room',
      before: column(enumOf('a', ['b', u32])),
      after: column(enumOf('a', ['b', u32], ['c', structOf({ x: u32, y: u32 })])),
      refusals: [['SizeMismatch', /takes 8 bytes .* would take 12/]],
    },
    {
      change: 'a variant that is aligned wider',
      before: column(enumOf('a', ['b', { type: 'array', element: u8 }])),
      after: column(enumOf('a', ['b', { type: 'array', element: u8 }], ['c', u32])),
      refusals: [
        ['SizeMismatch', /6 bytes .* would take 8/],
        ['AlignMismatch', /aligned to 2 bytes .* would be to 4/],
      ],
    },
    {
      change: 'a first payload in an enum without any',
      before: column(enumOf('a')),
      after: column(enumOf('a', ['b', u8])),
      refusals: [['SizeMismatch', /takes 1 bytes .* would take 2/]],
    },
    {
      change: 'a field less',
      before: column(structOf({ x: u32, y: u32 })),
      after: column(structOf({ x: u32 })),
      refusals: [['FewerFields', /has 2 fields, .* has 1/]],
    },
    {
      change: 'a field more',
      before: column(structOf({ x: u32 })),
      after: column(structOf({ x: u32, y: u32 })),
      refusals: [['FewerFields', /has 1 fields, .* has 2/]],
    },
    {
      change: 'a renamed field',
      before: column(structOf({ x: u32 })),
      after: column(structOf({ z: u32 })),
      refusals: [['RenamedField', /`x` would be named `z`/]],
    },
    {
      change: 'a table that becomes one of events',
      before: person,
      after: { ...person, isEvent: true },
      refusals: [['ChangeTableEventFlag', /would become an event table/]],
    },
    {
      change: 'a table of events that becomes another',
      before: { ...person, isEvent: true },
      after: person,
      refusals: [['ChangeTableEventFlag', /would no longer be an event table/]],
    },
    {
      change: 'another accessor of an index',
      before: { ...person, indexes: [{ columns: ['name'], accessor: 'by_name' }] },
      after: { ...person, indexes: [{ columns: ['name'], accessor: 'named' }] },
      refusals: [['ChangeIndexAccessor', /reached as `named` instead of `by_name`/]],
    },
    {
      change: 'a schedule on a table',
      before: plainJob,
      after: job,
      refusals: [['AddSchedule', /would call `run_job` on schedule/]],
    },
    {
      change: 'no schedule any more',
      before: job,
      after: plainJob,
      refusals: [['RemoveSchedule', /not call `run_job`/]],
    },
    {
      change: 'another scheduled function',
      before: job,
      after: { ...job, schedule: { at: 'at', calls: 'run_other' } },
      refusals: [['ChangeSchedule', /call `run_other` on schedule instead of `run_job`/]],
    },
    {
      change: 'another column of times',
      before: job,
      after: { ...job, schedule: { at: 'other_at', calls: 'run_job' } },
      refusals: [['ChangeSchedule', /from column `other_at` instead of `at`/]],
    },
  ];

  test.each(rules)('$change', ({ before, after, refusals }) => {
    const made = plan(before, after);
    expect(made.refusals.map(({ rule }) => rule)).toEqual(refusals.map(([rule]) => rule));
    for (const [position, [, reason]] of refusals.entries()) {
      expect(made.refusals[position]!.reason).toMatch(reason);
      expect(made.refusals[position]!.advice).toMatch(/^[A-Z].*\.$/);
    }
  });

  test('does not hide another: all are named at once', () => {
    const { refusals } = plan(
      { tables: [person, { ...person, name: 'other' }] },
      { tables: [column(u32), { ...person, name: 'other', isEvent: true }] },
    );
    expect(refusals.map(({ rule, table }) => `${table} ${rule}`)).toEqual([
      'other ChangeTableEventFlag',
      'person RemoveColumn',
      'person AddColumn',
    ]);
  });

  test('is a unique constraint on other columns under one name', () => {
    const spec = {
      ...person,
      columns: [{ name: 'a_b', type: u32 }, { name: 'a', type: u32 }, { name: 'b', type: u32 }, id],
    };
    const { refusals } = plan({ ...spec, unique: [['a_b']] }, { ...spec, unique: [['a', 'b']] });
    expect(refusals.map(({ rule }) => rule)).toEqual(['ChangeUniqueConstraint']);
  });
});
