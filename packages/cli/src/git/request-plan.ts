/*
 * Cuts an import into requests. Invariant: where a request ends depends on the commits from its own beginning on, and
 * on nothing else; so an import that goes on after a kill, whose first missing commit is always the first of a
 * request, makes the same requests as one that was never interrupted.
 */
import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { opByteLength } from 'inner-universe';
import type { CommitOps } from './commit-ops.ts';
import type { SourceIds } from './source-ids.ts';

/** One request, applied whole or not at all. */
export interface ImportRequest {
  /**
   * Undefined for uploads of chunks, which may be repeated under any id: a chunk that is there changes nothing. (Under
   * a fixed id they would be taken for sent when nothing referred to them for a day and they were pruned.)
   */
  readonly requestId: string | undefined;
  readonly ops: readonly Op[];
  /** Object ids of the commits that are complete once this request is applied. */
  readonly completes: readonly string[];
  /** Which of the requests of one large commit this is, from 1; undefined for a request of whole commits. */
  readonly part?: { readonly number: number; readonly of: number } | undefined;
}

/** Fills requests with whole commits; a commit that fits into none becomes several requests of its own. */
export class RequestPlanner {
  readonly #ids: SourceIds;
  #ops: Op[] = [];
  #bytes = 0;
  #commits: string[] = [];

  constructor(ids: SourceIds) {
    this.#ids = ids;
  }

  /** Takes the next commit; gives the requests that are full. */
  add(commit: CommitOps): readonly ImportRequest[] {
    const bytes = commit.ops.reduce((sum, op) => sum + opByteLength(op), 0);
    const isLarge = commit.chunks.length > 0 || commit.ops.length > MAX_REQUEST_OPS || bytes > MAX_REQUEST_BYTES;
    if (isLarge) return [...this.finish(), ...this.#cutLarge(commit)];
    const fits = this.#ops.length + commit.ops.length <= MAX_REQUEST_OPS && this.#bytes + bytes <= MAX_REQUEST_BYTES;
    const full = fits ? [] : this.finish();
    this.#ops.push(...commit.ops);
    this.#bytes += bytes;
    this.#commits.push(commit.commit.id);
    return full;
  }

  /** The last request, if anything is left. */
  finish(): readonly ImportRequest[] {
    const [first] = this.#commits;
    const last = this.#commits.at(-1);
    if (first === undefined || last === undefined) return [];
    const request = { requestId: this.#ids.commitsRequest(first, last), ops: this.#ops, completes: this.#commits };
    this.#ops = [];
    this.#bytes = 0;
    this.#commits = [];
    return [request];
  }

  #cutLarge(commit: CommitOps): readonly ImportRequest[] {
    const uploads = packUnits(commit.chunks.map((op) => [op]));
    // The event goes with the version: an event that is there without its version could not be sent again once the
    // request is forgotten. Everything else is an upsert.
    const units = [...commit.ops.slice(0, -2).map((op) => [op]), commit.ops.slice(-2)];
    const parts = packUnits(units);
    const of = uploads.length + parts.length;
    return [
      ...uploads.map((ops, index) => ({ requestId: undefined, ops, completes: [], part: { number: index + 1, of } })),
      ...parts.map((ops, index) => ({
        requestId: this.#ids.partRequest(commit.commit.id, index, ops.map(rowId)),
        ops,
        completes: index === parts.length - 1 ? [commit.commit.id] : [],
        part: { number: uploads.length + index + 1, of },
      })),
    ];
  }
}

/** The id of the row that an op of an import makes. */
function rowId({ tag, value }: Op): string {
  switch (tag) {
    case 'createEntity':
    case 'createRelation':
      return value.id;
    case 'publishEvent':
      return value.eventId;
    case 'recordVersion':
      return value.versionId;
    default:
      throw new Error(`an import makes no op '${tag}'`);
  }
}

/** Puts units of ops into as few requests as they fit, in order, without splitting one. */
function packUnits(units: readonly (readonly Op[])[]): readonly (readonly Op[])[] {
  const parts: Op[][] = [];
  let bytes = 0;
  for (const unit of units) {
    const size = unit.reduce((sum, op) => sum + opByteLength(op), 0);
    const part = parts.at(-1);
    if (part === undefined || part.length + unit.length > MAX_REQUEST_OPS || bytes + size > MAX_REQUEST_BYTES) {
      parts.push([...unit]);
      bytes = size;
    } else {
      part.push(...unit);
      bytes += size;
    }
  }
  return parts;
}
