/*
 * Own writes that are shown before they are confirmed. Invariants:
 * - what is shown of a write is taken off in the same step that takes in what it became, so that nobody is told twice;
 * - a write that is refused is taken off, and with it all that it had changed, in one step.
 */
import { identityHex, microsOf, type EntityRow, type RelationRow } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import { targetOf, type GraphOperation, type GraphReplica } from '@inner-universe/nerv/graph/replica';
import type { GraphKind } from '../encryption/graph-sealer.ts';
import type { GoneRow } from './held-rows.ts';

interface Shown {
  /** What its rows will say, by kind and id; those that have come are taken out. */
  readonly expected: Map<string, GraphOperation>;
  /** The server has applied it: it waits for its rows. */
  isAnswered: boolean;
}

/** A row as it came from the server. */
export type RawRow =
  | { readonly kind: 'entity'; readonly row: EntityRow }
  | { readonly kind: 'relation'; readonly row: RelationRow };

/** The pending writes over one replica. */
export class PendingWrites {
  readonly #replica: GraphReplica;
  readonly #identity: () => string;
  readonly #shown = new Map<string, Shown>();

  /** `identity` says who we are to the module. */
  constructor(replica: GraphReplica, identity: () => string) {
    this.#replica = replica;
    this.#identity = identity;
  }

  get size(): number {
    return this.#shown.size;
  }

  /** Shows a write, if it applies to what is held; whether it does, only the server can say in the end. */
  show(id: string, operations: readonly GraphOperation[]): boolean {
    try {
      this.#replica.request(id, operations);
    } catch (error) {
      if (!(error instanceof NervError)) throw error;
      return false;
    }
    const expected = new Map(operations.map((operation) => [keyOf(kindOf(operation), targetOf(operation)), operation]));
    this.#shown.set(id, { expected, isAnswered: false });
    return true;
  }

  has(id: string): boolean {
    return this.#shown.has(id);
  }

  /** Notes that a write was applied: what it became may still be on its way. */
  answer(id: string): void {
    const shown = this.#shown.get(id);
    if (shown !== undefined) shown.isAnswered = true;
  }

  /** Takes off a write that was refused. */
  refuse(id: string): void {
    if (this.#shown.delete(id)) this.#replica.refuse(id);
  }

  /** The writes that are settled by rows and deletions that are about to be taken in. */
  settledBy(rows: readonly RawRow[], gone: readonly GoneRow[]): readonly string[] {
    if (this.#shown.size === 0) return [];
    const settled: string[] = [];
    for (const { kind, row } of rows) this.#expect(keyOf(kind, row.id), (operation) => this.#isOutcome(operation, row));
    for (const { kind, id } of gone) this.#expect(keyOf(kind, id), (operation) => operation.type.startsWith('delete-'));
    for (const [id, { expected }] of this.#shown) if (expected.size === 0) settled.push(id);
    for (const id of settled) this.#shown.delete(id);
    return settled;
  }

  /** The writes that were applied, when all that they became is taken in. */
  takeAnswered(): readonly string[] {
    const answered = [...this.#shown].filter(([, { isAnswered }]) => isAnswered).map(([id]) => id);
    for (const id of answered) this.#shown.delete(id);
    return answered;
  }

  clear(): void {
    this.#shown.clear();
  }

  /** The first write that expects this is told that it came. */
  #expect(key: string, isOutcome: (operation: GraphOperation) => boolean): void {
    for (const { expected } of this.#shown.values()) {
      const operation = expected.get(key);
      if (operation === undefined || !isOutcome(operation)) continue;
      expected.delete(key);
      return;
    }
  }

  /** Whether a row is what a write of this client made of it, by who wrote it and when. */
  #isOutcome(operation: GraphOperation, row: EntityRow | RelationRow): boolean {
    if (operation.type.startsWith('delete-') || identityHex(row.publisher) !== this.#identity()) return false;
    const at = 'input' in operation ? (operation.input.createdAt ?? operation.at) : operation.at;
    return microsOf(row.updatedAt) === BigInt(Math.round(at * 1000));
  }
}

/** What an operation writes. */
export function kindOf(operation: GraphOperation): GraphKind {
  return operation.type.endsWith('-entity') ? 'entity' : 'relation';
}

function keyOf(kind: GraphKind, id: string): string {
  return `${kind} ${id}`;
}
