import { compileCodec } from '../bsatn/codec.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import type { StatementResult } from '../database/sql-answer.ts';
import { writeProductTypeJson } from '../sats-json/write-type.ts';
import { compileJsonWriter } from '../sats-json/write-value.ts';

/** The results of SQL statements as SpacetimeDB's HTTP interface gives them, piece by piece. */
export function* sqlResultsToJson(results: readonly StatementResult[]): Generator<string, void, undefined> {
  yield '[';
  for (const [position, result] of results.entries()) {
    if (position > 0) yield ',';
    yield* resultToJson(result);
  }
  yield ']';
}

function* resultToJson(result: StatementResult): Generator<string, void, undefined> {
  const { columns, rows, rowCount, changed, durationMicros } = result;
  yield `{"schema":${writeProductTypeJson(columns)},"rows":[`;
  const rowType = { type: 'product', elements: columns } as const;
  const codec = compileCodec(rowType);
  const write = compileJsonWriter(rowType, 'untyped');
  const reader = new BsatnReader(rows);
  for (let row = 0; row < rowCount; row += 1) yield `${row === 0 ? '' : ','}${write(codec.decode(reader))}`;
  const { inserted, deleted, updated } = changed;
  yield (
    `],"total_duration_micros":${durationMicros},` +
      `"stats":{"rows_inserted":${inserted},"rows_deleted":${deleted},"rows_updated":${updated}}}`
  );
}
