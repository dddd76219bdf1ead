import type { Op } from '@inner-universe/module/wire';
import { NervError } from '@inner-universe/nerv';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import type { ModuleClient } from '../client/client.ts';
import type { GraphSealer } from '../encryption/graph-sealer.ts';
import { makeGraphWrite, type GraphOpContext } from '../graph/graph-ops.ts';
import { GraphReads } from '../graph/graph-reads.ts';
import { WriteSealing } from '../graph/write-sealing.ts';

/** Makes ops out of what handlers do to the graph. */
export class GraphEffects {
  readonly #context: GraphOpContext;
  readonly #reads: GraphReads;
  readonly #sealing: WriteSealing | undefined;

  constructor(client: ModuleClient, sealer: GraphSealer | undefined, context: GraphOpContext) {
    this.#context = context;
    // Rows as they are stored: what is sealed in them is written back as it is.
    this.#reads = new GraphReads({ read: client.readPage, sealer: undefined });
    this.#sealing = sealer === undefined ? undefined : new WriteSealing(sealer, this.#reads);
  }

  /** @throws what the graph throws for wrong values; `entity/id-taken`, `relation/id-taken` for an upsert of another type */
  async make(
    operations: readonly GraphOperation[],
  ): Promise<{ readonly ops: readonly Op[]; readonly chunks: readonly Op[] }> {
    await this.#refuseRetyping(operations);
    const needsSealing = this.#sealing !== undefined && this.#sealing.needOf(operations) !== 'nothing';
    const sealed = needsSealing ? ((await this.#sealing?.seal(operations)) ?? operations) : operations;
    const writes = sealed.map((operation) => makeGraphWrite(operation, this.#context));
    return { ops: writes.map(({ op }) => op), chunks: writes.flatMap(({ chunks }) => chunks) };
  }

  /** An upsert replaces what is of its type; the module would also change the type. */
  async #refuseRetyping(operations: readonly GraphOperation[]): Promise<void> {
    const wanted = operations.flatMap((operation) => {
      if (operation.type === 'upsert-entity')
        return [{ kind: 'entity', id: operation.input.id, type: operation.entityType }];
      if (operation.type === 'upsert-relation')
        return [{ kind: 'relation', id: operation.input.id, type: operation.relationType }];
      return [];
    });
    if (wanted.length === 0) return;
    const idsOf = (kind: string): string[] => wanted.filter((one) => one.kind === kind).map(({ id }) => id);
    const [entities, relations] = await Promise.all([
      this.#reads.entitiesById(idsOf('entity')),
      this.#reads.relationsById(idsOf('relation')),
    ]);
    const types = new Map([
      ...entities.map(({ id, type }): [string, string] => [`entity ${id}`, type]),
      ...relations.map(({ id, type }): [string, string] => [`relation ${id}`, type]),
    ]);
    for (const { kind, id, type } of wanted) {
      const existing = types.get(`${kind} ${id}`);
      if (existing === undefined || existing === type) continue;
      throw new NervError(
        kind === 'entity' ? 'entity/id-taken' : 'relation/id-taken',
        `'${id}' exists already, of type '${existing}'. Update it, or choose another id.`,
        { details: { id, type: existing } },
      );
    }
  }
}
