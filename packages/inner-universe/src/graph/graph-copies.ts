/*
 * What is held of a graph, kept here so that it can be opened without the server. Invariants:
 * - only confirmed rows are kept, sealed where they are stored sealed;
 * - a copy is taken for whole only if each of its pieces is at least as new as the head says.
 */
import type { Timers } from '@inner-universe/nerv';
import { parse, stringify } from '@inner-universe/nerv/values';
import type { LocalCopies } from '../offline/local-copies.ts';
import type { GraphKind } from '../encryption/graph-sealer.ts';
import type { GraphPart } from './graph-part.ts';
import type { HeldRow, StoredRow } from './held-rows.ts';

/** The most rows of which a copy is kept. */
export const COPY_ROWS_MAX = 100_000;

const PIECES = 64;
const FORMAT = 1;
/** How long changes are gathered before they are kept, in milliseconds. */
const GATHER_MS = 500;

/** What was kept. */
export interface GraphCopy {
  /** Everything up to it is in the copy. */
  readonly seq: bigint;
  readonly parts: readonly GraphPart[];
  readonly rows: readonly HeldRow[];
}

/** What is to be kept, as it is when it is asked for. */
export interface CopySource {
  readonly seq: () => bigint | undefined;
  readonly parts: () => readonly GraphPart[];
  readonly rows: () => Iterable<HeldRow>;
  readonly size: () => number;
}

interface Head {
  readonly format: number;
  readonly seq: bigint;
  readonly parts: readonly GraphPart[];
  /** The least version that each piece must have. */
  readonly versions: readonly number[];
}

/** Keeps a copy of a graph in pieces; those with changes are written, a while after the first of them. */
export class GraphCopies {
  readonly #copies: LocalCopies;
  readonly #name: string;
  readonly #timers: Timers;
  readonly #source: CopySource;
  /** Pieces to be written; at first all, whatever an earlier program had kept there. */
  readonly #changed = new Set<number>(Array.from({ length: PIECES }, (_, piece) => piece));
  #versions: number[] = Array.from({ length: PIECES }, () => 0);
  #stopTimer: (() => void) | undefined;

  constructor(
    copies: LocalCopies,
    { name, timers }: { readonly name: string; readonly timers: Timers },
    source: CopySource,
  ) {
    this.#copies = copies;
    this.#name = name;
    this.#timers = timers;
    this.#source = source;
  }

  /** The copy that was kept; undefined if there is none that is whole. To be called before anything is kept. */
  async read(): Promise<GraphCopy | undefined> {
    const head = tryHead(await this.#copies.get(this.#nameOf('head')));
    if (head === undefined) return undefined;
    this.#versions = this.#versions.map((version, piece) => Math.max(version, head.versions[piece] ?? 0));
    const rows: HeldRow[] = [];
    for (let piece = 0; piece < PIECES; piece += 1) {
      const version = head.versions[piece] ?? 0;
      if (version === 0) continue;
      const kept = tryPiece(await this.#copies.get(this.#nameOf(piece)));
      if (kept === undefined || kept.version < version) return undefined;
      rows.push(...kept.rows);
    }
    return { seq: head.seq, parts: head.parts, rows };
  }

  /** Notes that a row was put in or taken out. */
  change(id: string): void {
    this.#changed.add(pieceOf(id));
    this.keepSoon();
  }

  /** Keeps what has changed, after a while. */
  keepSoon(): void {
    if (this.#stopTimer !== undefined) return;
    this.#stopTimer = this.#timers.schedule(() => {
      this.#stopTimer = undefined;
      this.keep();
    }, GATHER_MS);
  }

  /** Keeps what has changed, now. */
  keep(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const seq = this.#source.seq();
    if (seq === undefined) return;
    if (this.#source.size() > COPY_ROWS_MAX) {
      this.#copies.delete(this.#nameOf('head'));
      return;
    }
    this.#keepPieces();
    const head: Head = { format: FORMAT, seq, parts: this.#source.parts(), versions: this.#versions };
    this.#copies.set(this.#nameOf('head'), stringify(withoutUndefined(head)));
  }

  /** Keeps what has changed, and ends. */
  close(): void {
    if (this.#stopTimer !== undefined) this.keep();
  }

  #keepPieces(): void {
    const pieces = new Map([...this.#changed].map((piece): [number, object[]] => [piece, []]));
    this.#changed.clear();
    if (pieces.size === 0) return;
    for (const { kind, row, scope, stored = row } of this.#source.rows()) {
      pieces.get(pieceOf(row.id))?.push({ kind, scope, row: stored });
    }
    for (const [piece, rows] of pieces) {
      const version = (this.#versions[piece] ?? 0) + 1;
      this.#versions[piece] = version;
      this.#copies.set(this.#nameOf(piece), stringify(withoutUndefined({ version, rows })));
    }
  }

  #nameOf(piece: number | 'head'): string {
    return `graph/${this.#name}/${piece}`;
  }
}

/** FNV-1a, folded: the same row is always in the same piece. */
function pieceOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let place = 0; place < id.length; place += 1) hash = Math.imul(hash ^ id.charCodeAt(place), 0x01000193);
  return (hash >>> 0) % PIECES;
}

/** Values are stored without members that are undefined, at any depth of what is kept here. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => (member === undefined ? [] : [[key, withoutUndefined(member)]])),
  );
}

function tryHead(text: string | undefined): Head | undefined {
  const head = tryParse(text);
  if (!isRecord(head) || head['format'] !== FORMAT || typeof head['seq'] !== 'bigint') return undefined;
  const { seq, parts, versions } = head;
  if (!Array.isArray(parts) || !parts.every(isRecord)) return undefined;
  if (!Array.isArray(versions) || !versions.every((version) => Number.isSafeInteger(version))) return undefined;
  return { format: FORMAT, seq, parts, versions };
}

function tryPiece(
  text: string | undefined,
): { readonly version: number; readonly rows: readonly HeldRow[] } | undefined {
  const piece = tryParse(text);
  if (!isRecord(piece)) return undefined;
  const { version, rows } = piece;
  if (typeof version !== 'number' || !Array.isArray(rows)) return undefined;
  const held = rows.map(tryRow);
  return held.every((row) => row !== undefined) ? { version, rows: held } : undefined;
}

function tryRow(kept: unknown): HeldRow | undefined {
  if (!isRecord(kept)) return undefined;
  const { kind, scope, row } = kept;
  if ((kind !== 'entity' && kind !== 'relation') || typeof scope !== 'string' || !isRecord(row)) return undefined;
  const texts = kind === 'entity' ? ENTITY_TEXTS : RELATION_TEXTS;
  if (!texts.every((field) => typeof row[field] === 'string')) return undefined;
  const numbers = kind === 'entity' ? ENTITY_NUMBERS : RELATION_NUMBERS;
  if (!numbers.every((field) => typeof row[field] === 'number')) return undefined;
  if (!Array.isArray(row['tags']) || !isRecord(row['properties'])) return undefined;
  return makeHeld(kind, scope, row);
}

const ENTITY_TEXTS = ['id', 'type', 'name', 'description'];
const RELATION_TEXTS = [...ENTITY_TEXTS, 'from', 'to'];
const ENTITY_NUMBERS = ['createdAt', 'updatedAt', 'seq'];
const RELATION_NUMBERS = [...ENTITY_NUMBERS, 'strength'];

function makeHeld(kind: GraphKind, scope: string, kept: Readonly<Record<string, unknown>>): HeldRow {
  // Every field was looked at above; those that may be absent are.
  const row = { ...kept, validFrom: kept['validFrom'], validTo: kept['validTo'] } as unknown as StoredRow;
  return { kind, scope, row: Object.freeze(row), stored: undefined };
}

function tryParse(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch {
    // What cannot be read is no copy: everything is loaded anew.
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
