import { NervError } from '@inner-universe/nerv';
import type { Entity, Reference, Relation, RowVersion } from '@inner-universe/nerv/graph';
import { idOf } from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import type { CallRunner, WalkRunner } from '../connection/run-within.ts';
import { CALL_OPTION_FORMS, checkOptions, type OptionForms } from '../controller/check-options.ts';
import { collectVersions, readVersions } from './graph-history.ts';
import type { RowSource } from './graph-rows.ts';
import {
  makeTrimmed,
  millisecondsOf,
  pruneHistory,
  readHistoryBound,
  type HistoryBound,
  type PruneHistoryOptions,
} from './history-bound.ts';
import { findMoment, PastReads } from './past-reads.ts';

/** Which part of what something has been. */
export interface HistoryOptions extends CallOptions {
  /**
   * What was there at this time, in milliseconds since 1970 or as a date, and all later; refused for a time of which the
   * past is pruned. Default: as far back as is kept.
   */
  readonly from?: number | Date | undefined;
}

/** What calls about the past are made with. */
export interface PastCallsParts {
  readonly client: ModuleClient;
  readonly source: RowSource;
  /** The most versions that are given at once. */
  readonly versionsMax: number;
  readonly within: CallRunner;
  readonly walkWithin: WalkRunner;
  /** Throws when the graph is closed. */
  readonly assertOpen: () => void;
}

type Version = RowVersion<Entity | Relation>;

const HISTORY_OPTIONS: OptionForms = { from: 'any', ...CALL_OPTION_FORMS };
const PRUNE_OPTIONS: OptionForms = { before: 'any', onProgress: 'function', ...CALL_OPTION_FORMS };

/** The calls of a graph that are about its past. */
export class PastCalls {
  readonly #parts: PastCallsParts;

  constructor(parts: PastCallsParts) {
    this.#parts = parts;
  }

  /** Reads of the graph as it was at the end of a millisecond. @throws `graph/history-trimmed` */
  async asOf(time: number | Date, call: CallOptions | undefined): Promise<PastReads> {
    const { client, source, within, assertOpen } = this.#parts;
    assertOpen();
    return new PastReads(source, await within('asOf', call, () => findMoment(client, time)));
  }

  /** What the entity or relation of an id has been, the oldest first. */
  async history(of: Reference, options: HistoryOptions): Promise<readonly Version[]> {
    checkOptions('graph.history', options, HISTORY_OPTIONS);
    const { from, ...call } = options;
    const { versionsMax, within, assertOpen } = this.#parts;
    assertOpen();
    const id = idOf(of);
    return within('history', call, (signal) => collectVersions(this.#versions(id, from), { id, versionsMax, signal }));
  }

  /** As `history`, by pages. */
  historyPages(of: Reference, options: HistoryOptions): AsyncGenerator<readonly Version[], void, undefined> {
    checkOptions('graph.historyPages', options, HISTORY_OPTIONS);
    const { from, ...call } = options;
    return this.#parts.walkWithin('historyPages', call, () => this.#versions(idOf(of), from));
  }

  historyBound(call: CallOptions | undefined): Promise<HistoryBound> {
    const { client, within, assertOpen } = this.#parts;
    return within('historyBound', call, async () => {
      assertOpen();
      return readHistoryBound(client);
    });
  }

  async pruneHistory(options: PruneHistoryOptions): Promise<HistoryBound> {
    checkOptions('graph.pruneHistory', options, PRUNE_OPTIONS);
    const { before, onProgress, ...call } = options;
    const { client, within, assertOpen } = this.#parts;
    return within('pruneHistory', call, async (signal) => {
      assertOpen();
      return pruneHistory(client, { before, onProgress }, signal);
    });
  }

  async *#versions(id: string, from: number | Date | undefined): AsyncGenerator<readonly Version[], void, undefined> {
    const { client, source, assertOpen } = this.#parts;
    assertOpen();
    const fromMs = from === undefined ? undefined : Math.floor(millisecondsOf('from', from));
    const bound = await readHistoryBound(client);
    requireKept(bound, fromMs);
    try {
      yield* readVersions(source, id, { bound, fromMs });
    } catch (error) {
      if (!(error instanceof NervError) || error.code !== 'graph/no-history') throw error;
      // What is missing may have been pruned just now.
      const { keptFromSeq, keptFrom } = await readHistoryBound(client);
      if (keptFrom === undefined || keptFromSeq === bound.keptFromSeq) throw error;
      throw makeTrimmed(fromMs ?? bound.keptFrom?.getTime() ?? 0, keptFrom, error);
    }
  }
}

function requireKept({ keptFrom }: HistoryBound, fromMs: number | undefined): void {
  if (keptFrom === undefined || fromMs === undefined || fromMs >= keptFrom.getTime()) return;
  throw makeTrimmed(fromMs, keptFrom);
}
