import { describeModule, type ModuleDef, readModule } from '@inner-universe/host';
import { expect, test } from 'vitest';
import { describeChanges } from './definition-changes.ts';

function define(body: string): Promise<ModuleDef> {
  const source = `import { schema, table, t } from 'spacetimedb/server';\n${body}`;
  return readModule({ source, directory: import.meta.dirname }).then(describeModule);
}

const BEFORE = `
const note = table({ public: true }, { id: t.u64().primaryKey(), text: t.string() });
const gone = table({}, { id: t.u32().primaryKey() });
const db = schema({ note, gone });
export default db;
export const add = db.reducer({ text: t.string() }, () => {});
export const drop = db.reducer(() => {});
export const count = db.procedure(t.u32(), () => 1);
export const all = db.anonymousView({ public: true }, t.array(note.rowType), () => []);
`;

const AFTER = `
const note = table({ }, { id: t.u64().primaryKey().autoInc(), text: t.u32().index('btree') });
const fresh = table({ public: true, event: true }, { at: t.timestamp() });
const db = schema({ note, fresh });
export default db;
export const add = db.reducer({ text: t.string(), pinned: t.bool() }, () => {});
export const count = db.procedure(t.u64(), () => 1n);
export const all = db.anonymousView({ public: true }, t.array(note.rowType), () => []);
`;

test('everything is new where there was nothing', async () => {
  const changes = describeChanges(undefined, await define(BEFORE));
  expect(changes.map(({ type, kind, name }) => `${type} ${kind} ${name}`)).toEqual([
    'added table note',
    'added table gone',
    'added view all',
    'added reducer add',
    'added reducer drop',
    'added procedure count',
  ]);
});

test('nothing is said where only code differs', async () => {
  const other = BEFORE.replace('() => 1)', '() => 2)');
  expect(describeChanges(await define(BEFORE), await define(other))).toEqual([]);
});

test('what was added, removed and changed is told by kind and name, with the details', async () => {
  expect(describeChanges(await define(BEFORE), await define(AFTER))).toEqual([
    {
      type: 'changed',
      kind: 'table',
      name: 'note',
      details: [
        '- column text: string',
        '- public',
        '+ column text: u32',
        '+ btree index (text)',
        '+ auto-increment of id',
        '+ private',
      ],
    },
    { type: 'added', kind: 'event table', name: 'fresh', details: [] },
    { type: 'changed', kind: 'view', name: 'all', details: ['- column text: string', '+ column text: u32'] },
    {
      type: 'changed',
      kind: 'reducer',
      name: 'add',
      details: ['- (text: string)', '+ (text: string, pinned: bool)'],
    },
    { type: 'changed', kind: 'procedure', name: 'count', details: ['- (): u32', '+ (): u64'] },
    { type: 'removed', kind: 'table', name: 'gone', details: [] },
    { type: 'removed', kind: 'reducer', name: 'drop', details: [] },
  ]);
});
