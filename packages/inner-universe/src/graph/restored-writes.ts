/*
 * Writes of an earlier run of this program, which lie in the outbox. Invariants:
 * - each is shown once, over what is held, from when something is held until it is answered;
 * - what was answered before that is not shown at all.
 */
import type { Op } from '@inner-universe/module/wire';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { WorkOutcome } from '../offline/work.ts';
import { isGraphOp } from './operations-of-ops.ts';

/** How restored writes are shown. */
export interface RestoredTarget {
  /** Shows a write; it may not apply to what is held. */
  show(id: string, operations: readonly GraphOperation[]): void;
  /** A write was applied. */
  answer(id: string): void;
  /** A write was refused, or given up. */
  refuse(id: string): void;
  /** The writes that ops were made of; undefined where they cannot be told. */
  operationsOf(ops: readonly Op[]): Promise<readonly GraphOperation[] | undefined>;
}

/** Follows what lay in the outbox when this was made. */
export class RestoredWrites {
  readonly #target: RestoredTarget;
  readonly #waiting: Map<string, readonly Op[]>;
  readonly #shown = new Set<string>();
  readonly #stop: () => void;

  constructor({ work }: Pick<ModuleClient, 'work'>, target: RestoredTarget) {
    this.#target = target;
    const items = [...work.list('pending'), ...work.list('blocked')];
    this.#waiting = new Map(items.flatMap(({ id, ops }) => (ops.some(isGraphOp) ? [[id, ops]] : [])));
    this.#stop = this.#waiting.size === 0 ? () => undefined : work.onOutcome((outcome) => this.#end(outcome));
  }

  /** Shows those that still wait and are not shown. */
  async show(): Promise<void> {
    for (const [id, ops] of [...this.#waiting]) {
      if (this.#shown.has(id)) continue;
      const operations = await this.#target.operationsOf(ops);
      if (operations === undefined || !this.#waiting.has(id)) continue;
      this.#shown.add(id);
      this.#target.show(nameOf(id), operations);
    }
  }

  close(): void {
    this.#stop();
    this.#waiting.clear();
  }

  #end({ id, outcome }: WorkOutcome): void {
    if (!this.#waiting.delete(id) || !this.#shown.has(id)) return;
    if (outcome === 'applied') this.#target.answer(nameOf(id));
    else this.#target.refuse(nameOf(id));
  }
}

/** What it is called among pending writes. */
function nameOf(workId: string): string {
  return `work:${workId}`;
}
