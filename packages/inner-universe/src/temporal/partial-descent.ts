/*
 * Who descends from whom, as far back as a question needs it. Versions are read in the order of their arrival, the
 * latest first, by pages that grow; what was read is a graph whose oldest versions have lost their parents. A question
 * that met one of these is asked again when more was read.
 */
import { VersionGraph, type CompactedRun, type Version } from '@inner-universe/nerv/temporal';
import type { VersionLog } from './version-log.ts';

/**
 * Answers a question about the descent of versions. Reads back to the versions `needed` and to what the question asks
 * for; the whole history only if it has to. The question may be asked several times.
 */
export async function withDescent<T>(
  log: VersionLog,
  needed: readonly string[],
  ask: (graph: VersionGraph) => Promise<T>,
): Promise<T> {
  const loaded = new LoadedDescent(log);
  for (;;) {
    const graph = loaded.makeGraph();
    if (loaded.isComplete || needed.every((id) => graph.has(id))) {
      const answer = await ask(graph);
      if (graph.missed.size === 0 || !(await loaded.extend([...graph.missed]))) return answer;
    } else {
      await loaded.extend([]);
    }
  }
}

/** A graph that knows when somebody asked for what it has not. */
class PartialGraph extends VersionGraph {
  readonly missed = new Set<string>();

  override parentsOf(version: Version): readonly string[] {
    const parents = super.parentsOf(version);
    const there = parents.filter((id) => this.has(id));
    if (there.length === parents.length) return parents;
    for (const id of parents) if (!this.has(id)) this.missed.add(id);
    return there;
  }
}

/** What was read so far, for one question. */
class LoadedDescent {
  readonly #log: VersionLog;
  readonly #pages: AsyncGenerator<readonly Version[], void, undefined>;
  /** The latest first. */
  readonly #versions: Version[] = [];
  readonly #runs = new Map<string, CompactedRun>();
  #isComplete = false;

  constructor(log: VersionLog) {
    this.#log = log;
    this.#pages = log.latestFirst();
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  makeGraph(): PartialGraph {
    const graph = new PartialGraph();
    for (const run of this.#runs.values()) graph.addRun(run);
    for (const version of this.#versions.toReversed()) graph.add(version);
    graph.missed.clear();
    return graph;
  }

  /** Reads more: what stands in place of versions that are missed, else the next page. False when there is no more. */
  async extend(missed: readonly string[]): Promise<boolean> {
    const unknown = missed.filter((id) => !this.#runs.has(id));
    const runs = await this.#log.runs(unknown);
    for (const run of runs) this.#runs.set(run.id, run);
    if (runs.length > 0) return true;
    const page = await this.#pages.next();
    if (page.done === true) this.#isComplete = true;
    else this.#versions.push(...page.value);
    return page.done !== true;
  }
}
