import { makeWireTimestamp, microsOf, type BranchRow, type VersionEntry } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { VersionGraph, type AtOptions, type Version, type VersionReference } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, ALL_VERSIONS, pages } from '../client/reads.ts';
import { asStateError } from './state-refusals.ts';

/** How many versions' descriptions are kept for the next question. */
const VERSIONS_KEPT = 1_000;

/** What a version's children are made with. */
export interface VersionLink {
  readonly id: string;
  readonly parents: readonly string[];
  readonly chainHash: string;
  /** Bytes of deltas on the first-parent line since the last snapshot, this version's included. */
  readonly bytesSinceSnapshot: number;
}

/** Where a branch stands, and the `seq` of the transaction that moved it there. */
export interface BranchHead {
  readonly versionId: string;
  readonly seq: bigint;
}

/** What is recorded about the versions of one store, apart from their states. Read by pages, as far as asked for. */
export class VersionLog {
  readonly #client: ModuleClient;
  readonly #store: string;
  readonly #versions = new Map<string, Version>();
  readonly #links = new Map<string, VersionLink>();
  readonly #graph = new VersionGraph();
  #graphCursor = '';

  constructor(client: ModuleClient, store: string) {
    this.#client = client;
    this.#store = store;
  }

  /** @throws `state/version-not-found` */
  async get(versionId: string): Promise<Version> {
    const found = await this.tryGet(versionId);
    if (found === undefined) throw this.#notFound(versionId);
    return found;
  }

  /** The version of this id, if this store has it. */
  async tryGet(versionId: string): Promise<Version | undefined> {
    const kept = this.#versions.get(versionId);
    if (kept !== undefined) return kept;
    const { versions } = await this.#client.read('readVersions', { ...ALL_VERSIONS, ids: [versionId] });
    const [entry] = versions;
    if (entry === undefined || entry.version.store !== this.#store) return undefined;
    this.keepLink(makeLink(entry));
    return keep(this.#versions, makeVersion(entry));
  }

  /** What children of this version are made with. @throws `state/version-not-found` */
  async link(versionId: string): Promise<VersionLink> {
    const kept = this.#links.get(versionId);
    if (kept !== undefined) return kept;
    await this.get(versionId);
    const found = this.#links.get(versionId);
    if (found !== undefined) return found;
    // The version was kept longer than its link.
    this.#versions.delete(versionId);
    return this.link(versionId);
  }

  /** Keeps the link of a version that was made here: nothing else of it is known before it is read. */
  keepLink(link: VersionLink): void {
    keep(this.#links, link);
  }

  /** The whole descent of the store, up to date; costs by the number of versions the first time, by what is new later. */
  async graph(): Promise<VersionGraph> {
    const start = this.#graphCursor;
    const read = (cursor: string) =>
      this.#client.read('readVersions', {
        ...ALL_VERSIONS,
        store: this.#store,
        cursor: cursor === '' ? start : cursor,
      });
    for await (const page of pages(read)) {
      for (const entry of page.versions) {
        if (!this.#graph.has(entry.version.versionId)) this.#graph.add(makeVersion(entry));
      }
      this.#graphCursor = page.cursor;
    }
    return this.#graph;
  }

  /** A version and its first parents, newest first. */
  async *line(versionId: string): AsyncGenerator<Version, void, undefined> {
    const read = (cursor: string) => this.#client.read('readVersions', { ...ALL_VERSIONS, line: versionId, cursor });
    for await (const page of pages(read)) {
      for (const entry of page.versions) yield makeVersion(entry);
    }
  }

  /** Where a branch stands; undefined when there is none of that name. */
  async tryHead(branch: string): Promise<BranchHead | undefined> {
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
   * @throws `state/version-not-found`, `state/branch-not-found`
   */
  async resolve(
    reference: VersionReference,
    here: { readonly branch: string; readonly versionId: string },
    options: AtOptions = {},
  ): Promise<string> {
    const branch = options.branch ?? here.branch;
    if (reference instanceof Date) return this.#at(branch, reference, options.by ?? 'recorded');
    if (typeof reference === 'string') return this.#named(reference);
    const versionId = branch === here.branch ? here.versionId : (await this.head(branch)).versionId;
    return reference === 0 ? versionId : this.#stepsBack(versionId, reference, branch);
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

  async #named(reference: string): Promise<string> {
    const known = await this.tryGet(reference);
    const found = known?.id ?? (await this.tagged(reference)) ?? (await this.tryHead(reference))?.versionId;
    if (found === undefined) throw this.#notFound(reference);
    return found;
  }

  async #stepsBack(versionId: string, steps: number, branch: string): Promise<string> {
    let left = steps;
    for await (const version of this.line(versionId)) {
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

/** Keeps an entry as the latest, and as many before it as there is room for. */
function keep<T extends { readonly id: string }>(kept: Map<string, T>, entry: T): T {
  kept.delete(entry.id);
  kept.set(entry.id, entry);
  for (const oldest of kept.keys()) {
    if (kept.size <= VERSIONS_KEPT) break;
    kept.delete(oldest);
  }
  return entry;
}

function makeLink({ version, parents }: VersionEntry): VersionLink {
  const { versionId: id, chainHash, bytesSinceSnapshot } = version;
  return { id, parents, chainHash, bytesSinceSnapshot: Number(bytesSinceSnapshot) };
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
