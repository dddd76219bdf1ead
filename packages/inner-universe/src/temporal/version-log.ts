import { makeWireTimestamp, microsOf, type VersionEntry } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { VersionGraph, type Version } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import { ALL_REFERENCES, ALL_VERSIONS, pages } from '../client/reads.ts';

/** How many versions' descriptions are kept for the next question. */
const VERSIONS_KEPT = 1_000;

/** What is recorded about the versions of one store, apart from their states. Read by pages, as far as asked for. */
export class VersionLog {
  readonly #client: ModuleClient;
  readonly #store: string;
  readonly #kept = new Map<string, Version>();
  #graph = new VersionGraph();
  #graphCursor = '';

  constructor(client: ModuleClient, store: string) {
    this.#client = client;
    this.#store = store;
  }

  /** @throws `state/version-not-found` */
  async get(versionId: string): Promise<Version> {
    const found = await this.tryGet(versionId);
    if (found === undefined) throw versionNotFound(versionId, this.#store);
    return found;
  }

  /** The version of this id, if this store has it. */
  async tryGet(versionId: string): Promise<Version | undefined> {
    const kept = this.#kept.get(versionId);
    if (kept !== undefined) return kept;
    const { versions } = await this.#client.read('readVersions', { ...ALL_VERSIONS, ids: [versionId] });
    const [entry] = versions;
    if (entry === undefined || entry.version.store !== this.#store) return undefined;
    return this.keep(makeVersion(entry));
  }

  /** Keeps what is known of a version that was made here. */
  keep(version: Version): Version {
    this.#kept.delete(version.id);
    this.#kept.set(version.id, version);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= VERSIONS_KEPT) break;
      this.#kept.delete(oldest);
    }
    return version;
  }

  /** The whole descent of the store, up to date; costs by the number of versions the first time, by what is new later. */
  async graph(): Promise<VersionGraph> {
    const read = (cursor: string) =>
      this.#client.read('readVersions', { ...ALL_VERSIONS, store: this.#store, cursor: cursor === '' ? this.#graphCursor : cursor });
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

  /** Where a branch stands. */
  async head(branch: string): Promise<string | undefined> {
    const page = await this.#client.read('readBranches', { ...ALL_REFERENCES, store: this.#store, name: branch });
    return page.branches.find((row) => row.name === branch)?.head;
  }

  /** The version a tag names. */
  async tagged(name: string): Promise<string | undefined> {
    const page = await this.#client.read('readTags', { ...ALL_REFERENCES, store: this.#store, name });
    return page.tags.find((row) => row.name === name)?.versionId;
  }

  /** The version a branch was at, by the log's time or by the authors' dates on its line. */
  async at(branch: string, date: Date, by: 'recorded' | 'authored'): Promise<string> {
    const time = makeWireTimestamp(BigInt(date.getTime()) * 1000n);
    for (let cursor = ''; ; ) {
      const result = await this.#client.read('readVersionAt', { store: this.#store, branch, time, by, cursor });
      if (result.versionId !== undefined && result.versionId !== '') return result.versionId;
      if (!result.more) throw versionNotFound(`${branch} at ${date.toISOString()}`, this.#store);
      cursor = result.cursor;
    }
  }
}

/** A version as NERV describes it. */
export function makeVersion({ version, parents }: VersionEntry): Version {
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

export function versionNotFound(reference: string, store: string): NervError {
  return new NervError('state/version-not-found', `Store '${store}' has no version, tag or branch '${reference}'. See log().`, {
    details: { reference, store },
  });
}
