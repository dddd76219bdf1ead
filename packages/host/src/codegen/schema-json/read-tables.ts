import type { RawIndexDef, RawSequenceDef } from '../../schema/raw-module-def.ts';
import type { SchemaJson } from './schema-json.ts';

/** Parts of tables that both versions of definitions write alike. */

export function readIndex(json: SchemaJson, sourceName: string | undefined): RawIndexDef {
  const { name, payload } = json.field('algorithm').variant();
  return {
    sourceName,
    accessorName: json.field('accessor_name').option((accessor) => accessor.text()),
    algorithm: json.field('algorithm').choice({ BTree: 'btree', Hash: 'hash', Direct: 'direct' } as const),
    columns: name === 'Direct' ? [payload.index()] : readColumns(payload),
  };
}

/** Columns of a unique constraint. */
export function readConstraint(json: SchemaJson): number[] {
  return readColumns(json.field('data').variant().payload.field('columns'));
}

export function readSequence(json: SchemaJson): RawSequenceDef {
  const bound = (name: string): bigint | undefined => json.field(name).option((value) => value.integer());
  return {
    column: json.field('column').index(),
    start: bound('start'),
    min: bound('min_value'),
    max: bound('max_value'),
    increment: json.field('increment').integer(),
  };
}

export function readColumns(json: SchemaJson): number[] {
  return json.list((column) => column.index());
}

export function readAccess(table: SchemaJson): 'public' | 'private' {
  return table.field('table_access').choice({ Public: 'public', Private: 'private' } as const);
}

export function readLifecycle(json: SchemaJson): 'init' | 'connect' | 'disconnect' {
  return json.choice({ Init: 'init', OnConnect: 'connect', OnDisconnect: 'disconnect' } as const);
}
