import {
  makeWireTimestamp,
  MAX_READ_IDS,
  microsOf,
  type BranchRow,
  type VersionEntry,
} from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { AtOptions, CompactedRun, Version, VersionReference } from '@inner-universe/nerv/temporal';
import { LASTING, ReadCache } from '../cache/read-cache.ts';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, ALL_VERSIONS, pages } from '../client/reads.ts';
import { findRuns } from './compacted-runs.ts';
import { checkAtOptions, checkName, checkReference } from './check-arguments.ts';
import type { SinceSnapshot } from './snapshot-rule.ts';
import { asStateError } from './state-refusals.ts';

/** How many versions' descriptions are kept for the next question. */
const VERSIONS_KEPT = 1_000;
/** Who asks for the history reads so many versions first, then more at a time. */
const PAGE_MIN = 64;
const PAGE_MAX = 1_000;
const PAGE_GROWTH = 4;

/** What a version's children are made with. */
export interface VersionLink {
  readonly id: string;
  readonly parents: readonly string[];
  readonly chainHash: string;
  /** What lies on the first-parent line since the last state that is stored whole, this version's delta included. */
  readonly sinceSnapshot: SinceSnapshot;
}

/** Where a branch stands, and the `seq` of the transaction that moved it there. */
export interface BranchHead {
  readonly versionId: string;
  readonly seq: bigint;
}

/** A version, where it may be read, and what its children are made with. */
export interface RecordedVersion {
  readonly scope: string;
  readonly version: Version;
  readonly link: VersionLink;
}

/** What is recorded about the versions of one store, apart from their states. Read by pages, as far as asked for. */
export class VersionLog {
  readonly #client: ModuleClient;
  readonly #store: string;
  readonly #versions = new ReadCache<string, Version | undefined>({
    ...LASTING,
    entriesMax: VERSIONS_KEPT,
    // What is not there may come.
    keeps: isThere,
  });
  readonly #links = new ReadCache<string, VersionLink>({ ...LASTING, entriesMax: VERSIONS_KEPT });

  constructor(client: ModuleClient, store: string) {
    this.#client = client;
    this.#store = store;
  }

  /** @throws `state/version-not-found` */
  async get(versionId: string): Promise<Version> {
    const found = await this.tryGet(versionId);
    if (found === undefined) throw await this.missing(versionId);
    return found;
  }

  /** The version of this id, if this store has it. */
  tryGet(versionId: string): Promise<Version | undefined> {
    // Who asks while it is read shares that, unless it was not there: it may have come since.
    return this.#versions.get(versionId, () => this.#read(versionId), isThere);
  }

  async #read(versionId: string): Promise<Version | undefined> {
    const { versions } = await this.#client.read('readVersions', { ...ALL_VERSIONS, ids: [versionId] });
    const [entry] = versions;
    if (entry === undefined || entry.version.store !== this.#store) return undefined;
    this.keepLink(makeLink(entry));
    return makeVersion(entry);
  }

  /** Which of these versions this store has. */
  async recorded(versionIds: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (let from = 0; from < versionIds.length; from += MAX_READ_IDS) {
      const ids = versionIds.slice(from, from + MAX_READ_IDS);
      const read = (cursor: string) => this.#client.read('readVersions', { ...ALL_VERSIONS, ids, cursor });
      for await (const page of pages(read)) {
        for (const { version } of page.versions) if (version.store === this.#store) found.push(version.versionId);
      }
    }
    return found;
  }

  /** What children of this version are made with. @throws `state/version-not-found` */
  async link(versionId: string): Promise<VersionLink> {
    const kept = this.#links.peek(versionId);
    if (kept !== undefined) return kept;
    await this.get(versionId);
    const found = this.#links.peek(versionId);
    if (found !== undefined) return found;
    // The version was kept longer than its link.
    this.#versions.drop(versionId);
    return this.link(versionId);
  }

  /** What children of a version are made with, if that is known here. */
  tryKeptLink(versionId: string): VersionLink | undefined {
    return this.#links.peek(versionId);
  }

  /** Keeps the link of a version that was made here: nothing else of it is known before it is read. */
  keepLink(link: VersionLink): void {
    this.#links.put(link.id, link);
  }

  /** The nearest versions that a version descends from, one for each parent, in order: some may have been left out. */
  async parentsOf({ parents }: Version): Promise<readonly string[]> {
    const there = new Set(await this.#known(parents));
    if (there.size === new Set(parents).size) return parents;
    const runs = await this.runs(parents.filter((id) => !there.has(id)));
    return parents.map((id) => runs.find((run) => run.id === id)?.ancestor ?? id);
  }

  /** The error for a version that is not there: it was left out when the history was compacted, or there never was one. */
  async missing(versionId: string): Promise<NervError> {
    const [run] = await this.runs([versionId]);
    return run === undefined ? this.#notFound(versionId) : this.leftOut(versionId);
  }

  /** What stands in place of versions that were left out, as far as these ids are the last of such a line. */
  runs(versionIds: readonly string[]): Promise<readonly CompactedRun[]> {
    return findRuns(this.#client.readPage, this.#store, versionIds);
  }

  /** Forgets what was read: versions were left out. */
  forget(): void {
    this.#versions.clear();
    this.#links.clear();
  }

  /** All versions of the store with what their children are made with, parents before children, by pages. */
  async *oldestFirst(): AsyncGenerator<readonly RecordedVersion[], void, undefined> {
    const read = (cursor: string) => this.#client.read('readVersions', { ...ALL_VERSIONS, store: this.#store, cursor });
    for await (const page of pages(read)) {
      yield page.versions.map((entry) => ({
        scope: entry.version.scope,
        version: makeVersion(entry),
        link: makeLink(entry),
      }));
    }
  }

  /** All versions of the store, children before parents, by pages that grow; from a `seq` on, if one is given. */
  async *latestFirst(
    options: { readonly fromSeq?: bigint | undefined; readonly limit?: number | undefined } = {},
  ): AsyncGenerator<readonly Version[], void, undefined> {
    const { fromSeq, limit = PAGE_MIN } = options;
    let size = Math.max(PAGE_MIN, limit);
    // A cursor begins with a `seq`: with nothing behind it, it stands before everything of that one.
    let cursor = fromSeq === undefined ? '' : `${fromSeq + 1n}:`;
    for (;;) {
      const request = {
        ...ALL_VERSIONS,
        store: this.#store,
        descending: true,
        cursor,
        limit: Math.min(size, PAGE_MAX),
      };
      const page = await this.#client.read('readVersions', request);
      yield page.versions.map(makeVersion);
      if (!page.more) return;
      cursor = page.cursor;
      size *= PAGE_GROWTH;
    }
  }

  /** A version and its first parents, newest first. `limit` is about how many are wanted. */
  async *line(versionId: string, limit: number = PAGE_MAX): AsyncGenerator<Version, void, undefined> {
    let size = Math.max(PAGE_MIN, limit);
    for (let cursor = ''; ;) {
      const request = { ...ALL_VERSIONS, line: versionId, cursor, limit: Math.min(size, PAGE_MAX) };
      const page = await this.#client.read('readVersions', request);
      for (const entry of page.versions) yield makeVersion(entry);
      if (!page.more) return;
      cursor = page.cursor;
      size *= PAGE_GROWTH;
    }
  }

  /** A version and all it descends from, the last to arrive first. `limit` is about how many are wanted. */
  async *ancestry(versionId: string, limit: number = PAGE_MAX): AsyncGenerator<Version, void, undefined> {
    const [entry] = (await this.#client.read('readVersions', { ...ALL_VERSIONS, ids: [versionId] })).versions;
    if (entry === undefined || entry.version.store !== this.#store) throw await this.missing(versionId);
    const wanted = new Set([versionId]);
    for await (const page of this.latestFirst({ fromSeq: entry.version.seq, limit })) {
      const elsewhere = this.#parentsElsewhere(page);
      let runs: readonly CompactedRun[] | undefined;
      for (const version of page) {
        if (!wanted.delete(version.id)) continue;
        yield version;
        // Nobody asks what stands in place of a parent before it is needed.
        if (runs === undefined && version.parents.some((id) => elsewhere.has(id))) {
          runs = await this.runs([...elsewhere]);
        }
        for (const id of version.parents) wanted.add(runs?.find((run) => run.id === id)?.ancestor ?? id);
      }
      if (wanted.size === 0) return;
    }
  }

  /** Parents of these versions that are not among them. */
  #parentsElsewhere(page: readonly Version[]): ReadonlySet<string> {
    const here = new Set(page.map(({ id }) => id));
    return new Set(page.flatMap(({ parents }) => parents.filter((id) => !here.has(id))));
  }

  /** Where a branch stands; undefined when there is none of that name. */
  async tryHead(branch: string): Promise<BranchHead | undefined> {
    checkName('The name of a branch', branch);
    const page = await this.#client.read('readBranches', { ...ALL_REFERENCES, store: this.#store, name: branch });
    const row: BranchRow | undefined = page.branches.find(({ name }) => name === branch);
    return row === undefined ? undefined : { versionId: row.head, seq: row.seq };
  }

  /** Where a branch stands. @throws `state/branch-not-found` */
  async head(branch: string): Promise<BranchHead> {
    const head = await this.tryHead(branch);
    if (head === undefined) throw this.noBranch(branch);
    return head;
  }

  /** The version a tag names. */
  async tagged(name: string): Promise<string | undefined> {
    const page = await this.#client.read('readTags', { ...ALL_REFERENCES, store: this.#store, name });
    return page.tags.find((row) => row.name === name)?.versionId;
  }

  /**
   * The id of the version that is meant, seen from where `here` stands.
   * @throws `state/version-not-found`, `state/branch-not-found`; `state/invalid-argument`, `value/unsupported` for what
   * names none, and `config/invalid`
   */
  async resolve(
    reference: VersionReference,
    here: { readonly branch: string; readonly versionId: string },
    options: AtOptions = {},
  ): Promise<string> {
    checkAtOptions(options);
    checkReference(reference);
    const branch = options.branch ?? here.branch;
    if (reference instanceof Date) return this.#at(branch, reference, options.by ?? 'recorded');
    if (typeof reference === 'string') return this.#named(reference);
    const versionId = branch === here.branch ? here.versionId : (await this.head(branch)).versionId;
    if (reference === 0) return versionId;
    // Going back by what is no number of steps would lead through all of the history.
    if (!Number.isSafeInteger(reference) || reference < 0) throw this.#notFound(`${reference} back from ${branch}`);
    return this.#stepsBack(versionId, reference, branch);
  }

  /** The error for a branch that is not there; `others`, where they are known, are named. */
  noBranch(branch: string, others?: readonly string[]): NervError {
    const shown = others?.slice(0, 10).join(', ');
    const advice =
      others === undefined
        ? 'See branches().'
        : others.length === 0
          ? 'It has no version at all: give a state to begin with.'
          : `It has ${shown}${others.length > 10 ? ` and ${others.length - 10} more` : ''}: name one with { branch }.`;
    return new NervError('state/branch-not-found', `Store '${this.#store}' has no branch '${branch}'. ${advice}`, {
      details: { store: this.#store, branch },
    });
  }

  /** Which of these versions are there, as far as that has to be asked. */
  async #known(versionIds: readonly string[]): Promise<readonly string[]> {
    const kept = versionIds.filter((id) => this.#versions.has(id) || this.#links.has(id));
    return [...kept, ...(await this.recorded(versionIds.filter((id) => !kept.includes(id))))];
  }

  async #named(reference: string): Promise<string> {
    const known = await this.tryGet(reference);
    const found = known?.id ?? (await this.tagged(reference)) ?? (await this.tryHead(reference))?.versionId;
    if (found === undefined) throw await this.missing(reference);
    return found;
  }

  async #stepsBack(versionId: string, steps: number, branch: string): Promise<string> {
    let left = steps;
    for await (const version of this.line(versionId, steps + 1)) {
      if (left === 0) return version.id;
      left -= 1;
    }
    throw this.#notFound(`${steps} back from ${branch}`);
  }

  /** The version a branch was at, by the log's time or by the authors' dates on its line. */
  async #at(branch: string, date: Date, by: 'recorded' | 'authored'): Promise<string> {
    if (Number.isNaN(date.getTime())) throw this.#notFound(`${branch} at an invalid date`);
    const time = makeWireTimestamp(BigInt(date.getTime()) * 1000n + 999n);
    for (let cursor = ''; ;) {
      const asked = this.#client.read('readVersionAt', { store: this.#store, branch, time, by, cursor });
      const result = await asked.catch((error: unknown) => {
        throw asStateError(error, this.#store);
      });
      if (result.versionId !== undefined && result.versionId !== '') return result.versionId;
      if (!result.more) throw this.#notFound(`${branch} at ${date.toISOString()}`);
      cursor = result.cursor;
    }
  }

  /** The error for a version that was there, and was left out when the history was compacted. */
  leftOut(versionId: string): NervError {
    return new NervError(
      'state/version-compacted',
      `Version '${versionId}' of store '${this.#store}' was left out when its history was compacted. Tag what must stay.`,
      { details: { versionId, store: this.#store } },
    );
  }

  #notFound(reference: string): NervError {
    return new NervError(
      'state/version-not-found',
      `Store '${this.#store}' has no version, tag or branch '${reference}'. See log().`,
      {
        details: { reference, store: this.#store },
      },
    );
  }
}

function isThere(version: Version | undefined): boolean {
  return version !== undefined;
}

function makeLink({ version, parents }: VersionEntry): VersionLink {
  const { versionId: id, chainHash, deltasSinceSnapshot, bytesSinceSnapshot } = version;
  const sinceSnapshot = { versions: deltasSinceSnapshot, bytes: Number(bytesSinceSnapshot) };
  return { id, parents, chainHash, sinceSnapshot };
}

function makeVersion({ version, parents }: VersionEntry): Version {
  return Object.freeze({
    id: version.versionId,
    parents: Object.freeze([...parents]),
    dataHash: version.dataHash,
    chainHash: version.chainHash,
    author: version.author,
    authoredAtMicros: microsOf(version.authoredAt),
    recordedAtMicros: microsOf(version.recordedAt),
    description: version.description,
  });
}
