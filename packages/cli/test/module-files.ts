import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, WORKSPACE } from './cli-process.ts';

/** Parts of a small module that tests change one by one. */
export interface NoteModule {
  /** Columns of the table of notes, beside its key. */
  readonly columns?: string | undefined;
  /** Members of the object that a reducer inserts, beside the key. */
  readonly values?: string | undefined;
  /** Further definitions. */
  readonly more?: string | undefined;
  /** Further tables of the schema. */
  readonly tables?: string | undefined;
}

const COLUMNS = 'text: t.string(),';
const VALUES = 'text,';

/** The source of a module with a table of notes and a reducer that adds one. */
export function noteModule({ columns = COLUMNS, values = VALUES, more = '', tables = '' }: NoteModule = {}): string {
  return `import { schema, table, t } from 'spacetimedb/server';
const note = table({ public: true }, { id: t.u64().primaryKey().autoInc(), ${columns} });
${tables}
const spacetimedb = schema({ note${tables === '' ? '' : ', tag'} });
export default spacetimedb;
export const addNote = spacetimedb.reducer({ text: t.string() }, (ctx, { text }) => {
  ctx.db.note.insert({ id: 0n, ${values} });
});
${more}
`;
}

/** A folder for modules, where the packages of the workspace are found. */
export class ModuleFolder {
  readonly path: string = makeScratch('module');

  constructor() {
    symlinkSync(join(WORKSPACE, 'node_modules'), join(this.path, 'node_modules'));
  }

  /** Writes a file and gives its path. */
  write(name: string, text: string): string {
    const path = join(this.path, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
  }
}
