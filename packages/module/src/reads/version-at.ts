import { referenceKey } from '../ops/branches.ts';
import { refuse } from '../refusals/refused.ts';
import type { BranchMoveRow } from '../schema/rows.ts';
import { micros, type Timestamp } from '../values/library-values.ts';
import { formatCursor, parseCursor, positionTail } from './cursor.ts';
import { PageBudget } from './page.ts';
import type { Reader } from './reader.ts';
import { readBySeq } from './seq-reader.ts';
import { requireBranch, requireNearest } from './states.ts';

/** How many versions of a line one call looks at. */
const MAX_STEPS = 5_000;

/** What `read_version_at` is called with. */
export interface VersionAtRequest {
  readonly store: string;
  readonly branch: string;
  readonly time: Timestamp;
  readonly by: string;
  readonly cursor: string;
}

/** What `read_version_at` gives. */
export interface VersionAt {
  readonly versionId: string | undefined;
  readonly cursor: string;
  readonly more: boolean;
}

/** The version a branch stood for at a time. */
export function readVersionAt(reader: Reader, request: VersionAtRequest): VersionAt {
  const branch = requireBranch(reader, request.store, request.branch);
  switch (request.by) {
    case 'recorded':
      return headAt(reader, request);
    case 'authored':
      return authoredBy(reader, request, branch.head);
    default:
      return refuse(
        'value/malformed',
        `A version is found by recorded or authored time, not by '${request.by.slice(0, 128)}'.`,
      );
  }
}

/** Walks the branch's moves backwards to the last one made by then. */
function headAt(reader: Reader, { store, branch, time, cursor }: VersionAtRequest): VersionAt {
  const branchKey = referenceKey(store, branch);
  const until = micros(time);
  const page = readBySeq(
    {
      fetch: (range) => reader.db.branchMove.byBranch.filter([branchKey, range]),
      tailOf: (row: BranchMoveRow) => positionTail(row.position, row.toHead),
      admit: (row: BranchMoveRow) => (micros(row.recordedAt) <= until ? row : undefined),
    },
    {
      cursor: parseCursor(cursor, { seq: reader.seq + 1n, tail: '' }),
      first: 0n,
      last: reader.seq,
      descending: true,
    },
    new PageBudget(1),
  );
  const move = page.rows[0];
  if (move !== undefined) return { versionId: move.toHead === '' ? undefined : move.toHead, cursor: '', more: false };
  return { versionId: undefined, cursor: page.more ? formatCursor(page.cursor) : '', more: page.more };
}

/** Walks the first-parent line back to the first version authored by then. */
function authoredBy(reader: Reader, { time, cursor }: VersionAtRequest, head: string): VersionAt {
  const until = micros(time);
  let next = cursor === '' ? head : cursor;
  for (let step = 0; next !== ''; step += 1) {
    if (step === MAX_STEPS) return { versionId: undefined, cursor: next, more: true };
    const version = requireNearest(reader, next);
    if (micros(version.authoredAt) <= until) return { versionId: version.versionId, cursor: '', more: false };
    next = version.parentVersionId;
  }
  return { versionId: undefined, cursor: '', more: false };
}
