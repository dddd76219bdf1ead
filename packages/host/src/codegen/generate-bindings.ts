import type { ModuleDef, ProcedureDef, ReducerDef } from '../schema/module-def.ts';
import { FOOTER, makeHeader, REMOTE_MODULE, RESERVED_NAMES } from './bindings-frame.ts';
import { quote, toCamelCase } from './identifier.ts';
import { hasNamespaces, nestByNamespace } from './namespaces.ts';
import { tableEntry, viewEntry } from './table-entries.ts';
import { TypeWriter } from './type-writer.ts';
import { selectVisibleParts, type VisibleParts } from './visible-parts.ts';

/** What goes into the bindings. */
export interface BindingsOptions {
  /** Private tables, reducers and procedures too: for clients of the database's owner. Default false. */
  readonly includePrivate?: boolean | undefined;
}

/**
 * The TypeScript client bindings of a module as one file, in the shape that the official `spacetimedb` SDK takes: it
 * exports `DbConnection`, `tables`, `reducers`, `procedures`, the contexts, and a value and a type for each named type
 * of the module. Tables, views and indexes have the names of the module's own code, everything else its canonical name
 * in camel case. The same definition always gives the same text.
 */
export function generateBindings(def: ModuleDef, options: BindingsOptions = {}): string {
  const parts = selectVisibleParts(def, options.includePrivate ?? false);
  const writer = new TypeWriter(parts.types, RESERVED_NAMES);
  const body = [
    tablesSection(parts, writer),
    reducersSection(parts.reducers, writer),
    proceduresSection(parts.procedures, writer),
    REMOTE_MODULE,
    ...accessSections(parts),
  ];
  // The declarations come last into being, for what the tables need, and stand first in the file.
  const text = [...writer.declarations(), ...body, FOOTER].join('\n\n');
  return `${makeHeader(text)}\n\n${text}`;
}

function tablesSection({ tables, views }: VisibleParts, writer: TypeWriter): string {
  const entries = [
    ...tables.map((table) => [table.name, tableEntry(table, writer)] as const),
    ...views.map((view) => [view.name, viewEntry(view, writer)] as const),
  ].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = entries.map(([, entry]) => entry).join('');
  return `const tablesSchema = __schema({${text === '' ? '' : `\n${text}`}});`;
}

function reducersSection(reducers: readonly ReducerDef[], writer: TypeWriter): string {
  const entries = reducers.map(({ name, params }) => {
    const args = params.length === 0 ? '{}' : `{\n${writer.fields(params, '    ')}  }`;
    return `  __reducerSchema(${quote(name)}, ${args}),\n`;
  });
  return call('reducersSchema', '__reducers', entries);
}

function proceduresSection(procedures: readonly ProcedureDef[], writer: TypeWriter): string {
  const entries = procedures.map(({ name, params, returnType }) => {
    const result = writer.expression(returnType);
    if (params.length === 0) return `  __procedureSchema(${quote(name)}, {}, ${result}),\n`;
    const args = `{\n${writer.fields(params, '      ')}    }`;
    return `  __procedureSchema(\n    ${quote(name)},\n    ${args},\n    ${result},\n  ),\n`;
  });
  return call('proceduresSchema', '__procedures', entries);
}

function call(name: string, callee: string, args: readonly string[]): string {
  return `const ${name} = ${callee}(${args.length === 0 ? '' : `\n${args.join('')}`});`;
}

/** The exports by which applications name tables and functions; those of submodules nested under their namespace. */
function accessSections({ tables, views, reducers, procedures }: VisibleParts): string[] {
  const functionKeys = (functions: readonly (ReducerDef | ProcedureDef)[]): string[] =>
    functions.map(({ name }) => toCamelCase(name));
  return [
    accessMap({
      name: 'tables',
      comment: 'The tables and views; each doubles as a query builder for subscriptions.',
      type: ': __QueryBuilder<typeof tablesSchema.schemaType>',
      text: '__makeQueryBuilder(tablesSchema.schemaType)',
      keys: [...tables, ...views].map(({ accessor }) => accessor).sort(),
    }),
    accessMap({
      name: 'reducers',
      comment: 'The reducers that a client may call.',
      type: '',
      text: '__convertToAccessorMap(reducersSchema.reducersType.reducers)',
      keys: functionKeys(reducers),
    }),
    accessMap({
      name: 'procedures',
      comment: 'The procedures that a client may call.',
      type: '',
      text: '__convertToAccessorMap(proceduresSchema.procedures)',
      keys: functionKeys(procedures),
    }),
  ];
}

/** An export that is a map from names to something of the SDK's. */
interface AccessMap {
  readonly name: string;
  readonly comment: string;
  /** With its colon, where it is not left to the compiler. */
  readonly type: string;
  readonly text: string;
  readonly keys: readonly string[];
}

function accessMap({ name, comment, type, text, keys }: AccessMap): string {
  if (!hasNamespaces(keys)) return `/** ${comment} */\nexport const ${name}${type} = ${text};`;
  const flat = `${name}ByName`;
  const nested = nestByNamespace(keys, flat);
  return `const ${flat}${type} = ${text};\n\n/** ${comment} */\nexport const ${name} = ${nested} as const;`;
}
