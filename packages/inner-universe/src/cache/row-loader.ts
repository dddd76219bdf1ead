import { MAX_READ_IDS } from '@inner-universe/module/wire';
import { pages } from '../client/reads.ts';

interface RowPage<Row> {
  readonly rows: readonly Row[];
  readonly seq: bigint;
  readonly cursor: string;
  readonly more: boolean;
}

/** A row, or that there is none, and up to which `seq` that was looked for. */
export interface LoadedRow<Row> {
  readonly row: Row | undefined;
  readonly seq: bigint;
}

interface Loaded<Row> {
  readonly rows: ReadonlyMap<string, Row>;
  readonly seq: bigint;
}

interface Batch<Row> {
  readonly ids: Set<string>;
  readonly loaded: Promise<Loaded<Row>>;
}

/** Loads rows by id: those asked for in one turn go into one read, as far as one takes them. */
export class RowLoader<Row extends { readonly id: string; readonly tags: readonly string[] }> {
  readonly #read: (ids: readonly string[], cursor: string) => Promise<RowPage<Row>>;
  #batch: Batch<Row> | undefined;

  constructor(read: (ids: readonly string[], cursor: string) => Promise<RowPage<Row>>) {
    this.#read = read;
  }

  async load(id: string): Promise<LoadedRow<Row>> {
    if (this.#batch === undefined || this.#batch.ids.size >= MAX_READ_IDS) this.#batch = this.#begin();
    const { ids, loaded } = this.#batch;
    ids.add(id);
    const { rows, seq } = await loaded;
    return { row: rows.get(id), seq };
  }

  #begin(): Batch<Row> {
    const ids = new Set<string>();
    const run = async (): Promise<Loaded<Row>> => {
      await Promise.resolve();
      // Who asks from now on asks for what is now, not for what this read finds.
      if (this.#batch === batch) this.#batch = undefined;
      return this.#readAll([...ids]);
    };
    const batch: Batch<Row> = { ids, loaded: run() };
    return batch;
  }

  async #readAll(ids: readonly string[]): Promise<Loaded<Row>> {
    const rows = new Map<string, Row>();
    let seq: bigint | undefined;
    for await (const page of pages((cursor) => this.#read(ids, cursor))) {
      // Later pages may have looked further; what the first one left out was not there up to its `seq`.
      seq ??= page.seq;
      for (const row of page.rows) rows.set(row.id, freeze(row));
    }
    return { rows, seq: seq ?? 0n };
  }
}

/** Rows are shared by all who read them. */
function freeze<Row extends { readonly tags: readonly string[] }>(row: Row): Row {
  Object.freeze(row.tags);
  return Object.freeze(row);
}
