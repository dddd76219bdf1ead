import { assert } from '../assert.ts';
import type { AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileRowCodec } from '../bsatn/row-codec.ts';
import type { StateView } from '../datastore/state-view.ts';
import { ST_VAR } from '../datastore/system-tables.ts';
import type { Transaction } from '../datastore/transaction.ts';
import { ROW_LIMIT } from '../query/compile-statements.ts';

const codec = compileRowCodec(ST_VAR.columns);
const [NAME_INDEX] = ST_VAR.indexes;

/** Variant of a variable's value that is a u64. */
const U64_TAG = 8;

/** How many rows a query of anybody but the owner may look at; undefined when nobody has set it. */
export function tryReadRowLimit(state: StateView): bigint | undefined {
  const value = tryReadVariable(state);
  return typeof value === 'object' && 'tag' in value && typeof value.value === 'bigint' ? value.value : undefined;
}

/** Sets the limit, or changes it. */
export function writeRowLimit(transaction: Transaction, rows: bigint): void {
  transaction.deleteRows(ST_VAR.id, [...rowsOf(transaction)]);
  transaction.insert(ST_VAR.id, codec.encode([ROW_LIMIT, { tag: U64_TAG, value: rows }]));
}

function tryReadVariable(state: StateView): AlgebraicValue | undefined {
  for (const row of rowsOf(state)) return codec.column(row, 1);
  return undefined;
}

function rowsOf(state: StateView): Iterable<Uint8Array> {
  assert(NAME_INDEX !== undefined, 'variables have an index on their name');
  return state.table(ST_VAR.id).seek(NAME_INDEX, { prefix: [ROW_LIMIT] });
}
