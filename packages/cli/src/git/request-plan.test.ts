import fc from 'fast-check';
import { MAX_REQUEST_BYTES, MAX_REQUEST_OPS, type Op } from '@inner-universe/module/wire';
import { opByteLength } from 'inner-universe';
import { expect, test } from 'vitest';
import type { CommitOps } from './commit-ops.ts';
import { RequestPlanner, type ImportRequest } from './request-plan.ts';
import { SourceIds } from './source-ids.ts';

const ids = new SourceIds('plan');

interface CommitShape {
  readonly rows: number;
  readonly rowBytes: number;
  readonly eventBytes: number;
  readonly chunks: number;
}

const shape: fc.Arbitrary<CommitShape> = fc.record({
  rows: fc.oneof({ weight: 4, arbitrary: fc.nat(40) }, fc.constantFrom(994, 996, 998, 1_000, 2_500)),
  rowBytes: fc.constantFrom(0, 10, 400),
  eventBytes: fc.oneof({ weight: 3, arbitrary: fc.nat(2_000) }, fc.constantFrom(100_000, 260_000)),
  chunks: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 9 })),
});

/** Ops as an import makes them, as to their number, sizes and order. Only what the planner looks at is filled in. */
function makeCommit({ rows, rowBytes, eventBytes, chunks }: CommitShape, index: number): CommitOps {
  const id = index.toString(16).padStart(40, '0');
  const entity = (row: number): Op =>
    ({ tag: 'createEntity', value: { id: `${id}/${row}`, name: 'x'.repeat(rowBytes) } }) as unknown as Op;
  const ops = [
    ...Array.from({ length: rows }, (_, row) => entity(row)),
    { tag: 'publishEvent', value: { eventId: id, data: 'x'.repeat(eventBytes) } } as unknown as Op,
    { tag: 'recordVersion', value: { versionId: id, delta: 'x'.repeat(eventBytes) } } as unknown as Op,
  ];
  const uploads = Array.from({ length: chunks }, (_, position): Op => {
    return {
      tag: 'uploadChunk',
      value: { scope: 'main', digest: id, position, count: chunks, bytes: new Uint8Array(262_144) },
    };
  });
  const commit = { id } as CommitOps['commit'];
  return { commit, ops, chunks: uploads, version: { chainHash: '', dataHash: '', bytesSinceSnapshot: 0 } };
}

function plan(commits: readonly CommitOps[]): ImportRequest[] {
  const planner = new RequestPlanner(ids);
  return [...commits.flatMap((commit) => planner.add(commit)), ...planner.finish()];
}

const history = fc.array(shape, { maxLength: 25 }).map((shapes) => shapes.map(makeCommit));
const RUNS = { numRuns: 60 * Number(process.env['RUNS'] ?? 1) };

test('every op is sent once, in order, in requests that the module takes', () => {
  fc.assert(
    fc.property(history, (commits) => {
      const requests = plan(commits);
      for (const { ops } of requests) {
        expect(ops.length).toBeGreaterThan(0);
        expect(ops.length).toBeLessThanOrEqual(MAX_REQUEST_OPS);
        expect(ops.reduce((sum, op) => sum + opByteLength(op), 0)).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
      }
      const sent = requests.flatMap((request) => request.ops);
      expect(sent.length).toBe(commits.reduce((sum, commit) => sum + commit.ops.length + commit.chunks.length, 0));
      const expected = commits.flatMap((commit) => [...commit.chunks, ...commit.ops]);
      expect(sent.every((op, index) => op === expected[index])).toBe(true);
      expect(requests.flatMap((request) => request.completes)).toEqual(commits.map((commit) => commit.commit.id));
      const named = requests.flatMap((request) => request.requestId ?? []);
      expect(new Set(named).size).toBe(named.length);
    }),
    RUNS,
  );
});

test('a commit is complete in the request that brings its event and its version, together', () => {
  fc.assert(
    fc.property(history, (commits) => {
      for (const { ops, completes } of plan(commits)) {
        const tags = (tag: Op['tag'], key: string): unknown[] =>
          ops.filter((op) => op.tag === tag).map((op) => (op.value as unknown as Record<string, unknown>)[key]);
        expect(tags('recordVersion', 'versionId')).toEqual(completes);
        expect(tags('publishEvent', 'eventId')).toEqual(completes);
      }
    }),
    RUNS,
  );
});

test('cut off after any request, a run that goes on makes the same requests', () => {
  fc.assert(
    fc.property(history, (commits) => {
      const requests = plan(commits);
      let complete = 0;
      for (const [index, request] of requests.entries()) {
        // The first request that brings something of the first commit that is missing.
        const isFirstOfCommit = request.part === undefined || request.part.number === 1;
        if (isFirstOfCommit) expect(plan(commits.slice(complete))).toEqual(requests.slice(index));
        complete += request.completes.length;
      }
      expect(complete).toBe(commits.length);
    }),
    RUNS,
  );
});
