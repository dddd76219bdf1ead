import type { EntityPatch, Properties } from '@inner-universe/nerv';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import type { GraphKind, GraphSealer } from '../encryption/graph-sealer.ts';
import { makeNotVisible } from '../errors.ts';
import type { GraphReads } from './graph-reads.ts';

type Update = Extract<GraphOperation, { readonly patch: EntityPatch }>;

/** What writes need before they can be sent: sealing, and perhaps the rows that are there. */
export type SealingNeed = 'nothing' | 'sealing' | 'rows';

/** An entity or relation as far as writes say what it is. */
interface Written {
  readonly kind: GraphKind;
  readonly id: string;
  /** Undefined in updates, which do not say it. */
  readonly type: string | undefined;
  readonly properties: Properties | undefined;
}

interface StoredRow {
  readonly id: string;
  readonly type: string;
  readonly properties: Properties;
}

/** Seals the properties of writes. An update does not say the type it is of, so that its row is read. */
export class WriteSealing {
  readonly #sealer: GraphSealer;
  readonly #reads: GraphReads;

  /** `reads` gives rows as they are stored. */
  constructor(sealer: GraphSealer, reads: GraphReads) {
    this.#sealer = sealer;
    this.#reads = reads;
  }

  /** What these writes need. Those that need rows must be sealed when all earlier writes are done. */
  needOf(operations: readonly GraphOperation[]): SealingNeed {
    const needs = operations.map((operation) => this.#needOf(operation));
    return needs.includes('rows') ? 'rows' : needs.includes('sealing') ? 'sealing' : 'nothing';
  }

  /**
   * The writes with their properties sealed; what did not change keeps its ciphertext.
   * @throws {EntityNotFoundError} `entity/not-found` for an update of what cannot be read; likewise for relations
   */
  async seal(operations: readonly GraphOperation[]): Promise<readonly GraphOperation[]> {
    const rows = await this.#readRows(operations);
    const sealed: GraphOperation[] = [];
    for (const operation of operations) {
      const written = describe(operation);
      sealed.push(written === undefined ? operation : await this.#sealOne(operation, written, rows));
    }
    return sealed;
  }

  async #sealOne(operation: GraphOperation, written: Written, rows: Map<string, StoredRow>): Promise<GraphOperation> {
    const { kind, id, properties = {} } = written;
    const row = rows.get(keyOf(kind, id));
    if (written.type === undefined && row === undefined) {
      // An update of what was not looked up seals nothing.
      if (this.#needOf(operation) === 'nothing') return operation;
      throw makeNotVisible(kind, id);
    }
    const type = written.type ?? row?.type ?? '';
    const sealed = this.#sealer.covers(kind, type)
      ? await this.#sealer.seal(kind, { id, type }, properties, row?.properties)
      : properties;
    // Later writes of the same request go on from here.
    rows.set(keyOf(kind, id), { id, type, properties: { ...row?.properties, ...sealed } });
    return written.properties === undefined ? operation : withProperties(operation, sealed);
  }

  /** The properties that are to stand in a row, sealed; what is sealed already stays so. */
  async sealProperties(kind: GraphKind, row: StoredRow, properties: Properties): Promise<Properties> {
    const { id, type, properties: stored } = row;
    if (!this.#sealer.covers(kind, type)) return properties;
    return this.#sealer.seal(kind, { id, type }, properties, stored);
  }

  #needOf(operation: GraphOperation): SealingNeed {
    const written = describe(operation);
    if (written?.properties === undefined) return 'nothing';
    const { kind, type, properties } = written;
    if (type === undefined) return this.#sealer.mayCover(kind, Object.keys(properties)) ? 'rows' : 'nothing';
    if (!this.#sealer.covers(kind, type)) return 'nothing';
    return operation.type.startsWith('upsert') ? 'rows' : 'sealing';
  }

  async #readRows(operations: readonly GraphOperation[]): Promise<Map<string, StoredRow>> {
    const idsOf = (kind: GraphKind): readonly string[] => {
      return operations.flatMap((operation) => {
        const written = describe(operation);
        return this.#needOf(operation) === 'rows' && written?.kind === kind ? [written.id] : [];
      });
    };
    const [entities, relations] = await Promise.all([
      this.#reads.entitiesById(idsOf('entity')),
      this.#reads.relationsById(idsOf('relation')),
    ]);
    return new Map([
      ...entities.map((row): [string, StoredRow] => [keyOf('entity', row.id), row]),
      ...relations.map((row): [string, StoredRow] => [keyOf('relation', row.id), row]),
    ]);
  }
}

function describe(operation: GraphOperation): Written | undefined {
  switch (operation.type) {
    case 'create-entity':
    case 'upsert-entity':
    case 'create-relation':
    case 'upsert-relation': {
      const isEntity = 'entityType' in operation;
      const { id, properties } = operation.input;
      return {
        kind: isEntity ? 'entity' : 'relation',
        id,
        type: isEntity ? operation.entityType : operation.relationType,
        properties,
      };
    }
    case 'update-entity':
    case 'update-relation': {
      const { id, patch } = operation;
      const kind = operation.type === 'update-entity' ? 'entity' : 'relation';
      return { kind, id, type: undefined, properties: patch.properties };
    }
    case 'delete-entity':
    case 'delete-relation':
      return undefined;
  }
}

/** The same write with these properties; it has some. */
function withProperties(operation: GraphOperation, properties: Properties): GraphOperation {
  if ('input' in operation) return { ...operation, input: { ...operation.input, properties } };
  if ('patch' in operation) return { ...(operation as Update), patch: { ...operation.patch, properties } };
  return operation;
}

function keyOf(kind: GraphKind, id: string): string {
  return `${kind} ${id}`;
}
