/*
 * Leaving out versions of a store. Invariants, which the module checks again:
 * - what is left out in between lies on lines: each has one parent and one child;
 * - the version after a line is stored whole if any of the line was, so that no version gets further from a whole state
 *   than the policy of snapshots allows;
 * - each step leaves a history that reads and verifies: it may end after any of them.
 */
import { MAX_TRIM_ROWS, type Op } from '@inner-universe/module/wire';
import {
  stringifyPatch,
  VersionGraph,
  type CompactedRun,
  type CompactionOptions,
  type CompactionReport,
  type Version,
} from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { utf8Length } from '../client/op-size.ts';
import { makeStoredText } from '../client/value-text.ts';
import { checkCompactionOptions } from './check-arguments.ts';
import type { SnapshotRule } from './snapshot-rule.ts';
import type { StoreReferences } from './store-references.ts';
import type { RecordedVersion, VersionLog } from './version-log.ts';
import type { VersionReader } from './version-reader.ts';

/** Versions of one line that are left out together; a longer line keeps one in between. */
const LINE_MAX = 500;
/** Bytes of what is kept of them. */
const HEADER_BYTES_MAX = 131_072;
/** What nothing leads to is kept so long, in microseconds: an import records versions before it moves a branch. */
const GRACE_MICROS = 86_400_000_000n;

/** What a compaction works with. */
export interface StoreCompactionParts {
  readonly client: ModuleClient;
  readonly reader: VersionReader;
  readonly store: string;
  readonly log: VersionLog;
  readonly references: StoreReferences;
  readonly snapshots: SnapshotRule;
  readonly write: (ops: readonly Op[], chunks: readonly Op[]) => Promise<void>;
  /** No step begins once it is aborted. */
  readonly signal: AbortSignal | undefined;
}

/** What is to be done: what goes, and what stays. */
interface Selection {
  readonly reachable: ReadonlySet<string>;
  readonly kept: ReadonlySet<string>;
}

/** A line that is left out, the oldest first. */
interface LeftOut {
  readonly ancestor: string;
  readonly versions: readonly string[];
  /** The version after it, and whether the line is its first parent. */
  readonly child: string;
  readonly isFirst: boolean;
}

/** One compaction of one store. */
export class StoreCompaction {
  readonly #parts: StoreCompactionParts;
  readonly #graph: VersionGraph = new VersionGraph();
  readonly #entries = new Map<string, RecordedVersion>();
  readonly #runs = new Map<string, CompactedRun>();

  constructor(parts: StoreCompactionParts) {
    this.#parts = parts;
  }

  /** Reads the whole descent of the store, and leaves out what may go, step by step. @throws `config/invalid`, first */
  async run(options: CompactionOptions): Promise<CompactionReport> {
    checkCompactionOptions(options);
    const { client, store } = this.#parts;
    return client.telemetry.span('state.compact', { store }, () => this.#run(options));
  }

  async #run(options: CompactionOptions): Promise<CompactionReport> {
    await this.#read();
    const before = this.#graph.size;
    const selection = await this.#select(options);
    try {
      const leftOut = (await this.#prune(selection)) + (await this.#leaveOutLines(selection));
      return { kept: before - leftOut, leftOut };
    } finally {
      // Also of what was done before it failed, or was called off.
      this.#parts.log.forget();
      this.#parts.reader.forget();
    }
  }

  async #leaveOutLines(selection: Selection): Promise<number> {
    let leftOut = 0;
    for (const line of this.#lines(selection)) {
      this.#parts.signal?.throwIfAborted();
      await this.#leaveOut(line);
      leftOut += line.versions.length;
    }
    return leftOut;
  }

  async #read(): Promise<void> {
    const { log } = this.#parts;
    for await (const page of log.oldestFirst()) {
      this.#parts.signal?.throwIfAborted();
      for (const entry of page) this.#entries.set(entry.version.id, entry);
      const parents = page.flatMap(({ version }) => version.parents).filter((id) => !this.#entries.has(id));
      for (const run of await log.runs(parents)) {
        this.#runs.set(run.id, run);
        this.#graph.addRun(run);
      }
      for (const { version } of page) this.#graph.add(version);
    }
  }

  async #select({ last = 0, since, keep }: CompactionOptions): Promise<Selection> {
    const { references } = this.#parts;
    const graph = this.#graph;
    const kept = new Set((await references.tags()).map(({ versionId }) => versionId));
    for (const { head } of await references.branches()) {
      kept.add(head);
      let left = last;
      for (const version of graph.firstParents(head)) {
        if (left <= 0) break;
        left -= 1;
        kept.add(version.id);
      }
    }
    const { reachable, children } = this.#descent(kept);
    const sinceMicros = since === undefined ? undefined : BigInt(since.getTime()) * 1000n;
    for (const version of graph.versions()) {
      const isKnot = graph.parentsOf(version).length !== 1 || (children.get(version.id) ?? 0) > 1;
      const isRecent = sinceMicros !== undefined && version.recordedAtMicros >= sinceMicros;
      if (reachable.has(version.id) && (isKnot || isRecent || keep?.(version) === true)) kept.add(version.id);
    }
    return { reachable, kept };
  }

  /** What is reached from some versions and from what is too young to go, and how many children each of it has. */
  #descent(named: ReadonlySet<string>): { reachable: Set<string>; children: Map<string, number> } {
    const graph = this.#graph;
    const young = this.#parts.client.clock.nowMicros() - GRACE_MICROS;
    const reachable = new Set<string>();
    const children = new Map<string, number>();
    const roots = [...graph.versions()].filter(({ id, recordedAtMicros }) => named.has(id) || recordedAtMicros > young);
    for (const { id } of roots) {
      if (reachable.has(id)) continue;
      for (const version of this.#unreached(id, reachable)) {
        for (const parent of graph.parentsOf(version)) children.set(parent, (children.get(parent) ?? 0) + 1);
      }
    }
    return { reachable, children };
  }

  /** A version and what it descends from, as far as nothing of that was reached before; it is now. */
  *#unreached(id: string, reachable: Set<string>): Iterable<Version> {
    const waiting = [id];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (reachable.has(next)) continue;
      reachable.add(next);
      const version = this.#graph.get(next);
      yield version;
      waiting.push(...this.#graph.parentsOf(version));
    }
  }

  /** Removes what nothing leads to, children first; gives how many. */
  async #prune({ reachable }: Selection): Promise<number> {
    const { store, write } = this.#parts;
    const versionIds = [...this.#graph.versions()].map(({ id }) => id).filter((id) => !reachable.has(id));
    versionIds.reverse();
    for (let from = 0; from < versionIds.length; from += MAX_TRIM_ROWS) {
      this.#parts.signal?.throwIfAborted();
      const ids = versionIds.slice(from, from + MAX_TRIM_ROWS);
      await write([{ tag: 'pruneVersions', value: { store, versionIds: ids } }], []);
    }
    return versionIds.length;
  }

  /** The lines between versions that stay, those of older versions first. */
  *#lines({ reachable, kept }: Selection): Iterable<LeftOut> {
    const graph = this.#graph;
    for (const version of graph.versions()) {
      if (!reachable.has(version.id) || !kept.has(version.id)) continue;
      for (const [position, parent] of graph.parentsOf(version).entries()) {
        const versions: string[] = [];
        let next: string | undefined = parent;
        while (next !== undefined && !kept.has(next)) {
          versions.unshift(next);
          [next] = graph.parentsOf(graph.get(next));
        }
        if (next === undefined || versions.length === 0) continue;
        yield* this.#cut({ ancestor: next, versions, child: version.id, isFirst: position === 0 });
      }
    }
  }

  /** Lines no longer than what is kept of them may be: of a longer one, some versions stay. */
  *#cut({ ancestor, versions, child, isFirst }: LeftOut): Iterable<LeftOut> {
    let start = ancestor;
    let taken: string[] = [];
    let bytes = 0;
    for (const id of versions) {
      const cost = this.#headerBytes(id);
      if (taken.length >= LINE_MAX || bytes + cost > HEADER_BYTES_MAX) {
        // This one stays, as the child of those before it.
        if (taken.length > 0) yield { ancestor: start, versions: taken, child: id, isFirst: true };
        start = id;
        taken = [];
        bytes = 0;
      } else {
        taken.push(id);
        bytes += cost;
      }
    }
    // What was left out before the child earlier becomes part of the last line.
    if (taken.length > 0 && bytes + this.#runBytes(child) <= 1.5 * HEADER_BYTES_MAX) {
      yield { ancestor: start, versions: taken, child, isFirst };
    }
  }

  /** About how much is kept of a version, and of what was left out before it. */
  #headerBytes(id: string): number {
    const { dataHash, author, description } = this.#graph.get(id);
    const own = JSON.stringify([dataHash, author, '9007199254740991', description]);
    return utf8Length(own) + this.#runBytes(id);
  }

  #runBytes(id: string): number {
    let bytes = 0;
    for (const parent of this.#graph.get(id).parents) bytes += utf8Length(this.#runs.get(parent)?.headers ?? '');
    return bytes;
  }

  async #leaveOut({ ancestor, versions, child, isFirst }: LeftOut): Promise<void> {
    const { store, write } = this.#parts;
    const value = { store, child, leftOut: versions, delta: undefined, deltaEncoding: '', snapshot: undefined };
    if (!isFirst) return write([{ tag: 'compactVersions', value }], []);
    const { reader, snapshots } = this.#parts;
    const after = (await reader.load(child)).tree;
    const patch = stringifyPatch((await reader.load(ancestor)).tree.diff(after));
    const { versions: steps, bytes } = this.#since(ancestor);
    const since = { versions: steps + 1, bytes: bytes + utf8Length(patch) };
    const wasWhole = versions.some((id) => this.#since(id).versions === 0);
    const isWhole = this.#since(child).versions === 0;
    const text = isWhole ? undefined : wasWhole ? after.stringify() : snapshots.tryTake(after, since);
    const scope = this.#entries.get(child)?.scope ?? '';
    const delta = makeStoredText(patch, scope, `The changes of version ${child}`);
    const whole = text === undefined ? undefined : makeStoredText(text, scope, `The state of version ${child}`);
    const snapshot = whole === undefined ? undefined : { state: whole.text, stateEncoding: whole.encoding };
    const op: Op = {
      tag: 'compactVersions',
      value: { ...value, delta: delta.text, deltaEncoding: delta.encoding, snapshot },
    };
    await write([op], [...delta.chunks, ...(whole?.chunks ?? [])]);
    this.#note(child, isWhole || snapshot !== undefined ? { versions: 0, bytes: 0 } : since);
  }

  #since(id: string): RecordedVersion['link']['sinceSnapshot'] {
    return this.#entries.get(id)?.link.sinceSnapshot ?? { versions: 0, bytes: 0 };
  }

  /** How far the whole state of a version that stays lies back now. */
  #note(id: string, sinceSnapshot: RecordedVersion['link']['sinceSnapshot']): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.set(id, { ...entry, link: { ...entry.link, sinceSnapshot } });
  }
}
