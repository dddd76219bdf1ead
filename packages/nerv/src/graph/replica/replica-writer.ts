import { GraphWriter, revert, type WriteStep } from '../graph-writer.ts';

/** A writer that parts of a write can be taken back from, at once or later. */
export class ReplicaWriter extends GraphWriter {
  /** Where the write stands, to come back to with `undoTo`. */
  mark(): number {
    return this.steps.length;
  }

  /** What was written since the mark, to be reverted later, by this writer or another. */
  stepsSince(mark: number): readonly WriteStep[] {
    return this.steps.slice(mark);
  }

  /** Writes back what was there before the steps. */
  revert(steps: readonly WriteStep[]): void {
    revert(this, steps);
  }
}
