import { NervError, type EntityPatch, type Properties } from '@inner-universe/nerv';
import type { GraphOperation } from '@inner-universe/nerv/graph/replica';
import { MAX_INLINE_VALUE_BYTES, type Op } from '@inner-universe/module/wire';
import { stringify } from '@inner-universe/nerv/values';
import type { LaterWrite, ModuleClient } from '../client/client.ts';
import { utf8Length } from '../client/op-size.ts';
import type { CallOptions } from '../connection/connection.ts';
import { makeNotVisible, refusalOf, RefusedError } from '../errors.ts';
import { makeGraphWrite, makeWholeUpdate, type GraphOpContext, type GraphWrite } from './graph-ops.ts';
import type { GraphSealer } from '../encryption/graph-sealer.ts';
import { GraphReads } from './graph-reads.ts';
import { WriteSealing } from './write-sealing.ts';

/** How often an update of large properties is made anew because somebody else was faster. */
const ATTEMPTS_MAX = 8;
/** What the module refuses for its form. */
const FORM_CODES: ReadonlySet<string> = new Set(['value/malformed', 'value/too-large']);

type Update = Extract<GraphOperation, { readonly type: 'update-entity' | 'update-relation' }>;

/** Sends writes of the graph; what they are refused for is told in the graph's own codes. */
export class GraphWriter {
  readonly #client: ModuleClient;
  readonly #reads: GraphReads;
  readonly #context: GraphOpContext;
  readonly #sealing: WriteSealing | undefined;

  constructor(client: ModuleClient, sealer: GraphSealer | undefined, context: GraphOpContext) {
    this.#client = client;
    // Rows as they are stored: what is sealed in them is written back as it is.
    this.#reads = new GraphReads({ read: client.readPage, sealer: undefined });
    this.#context = context;
    this.#sealing = sealer === undefined ? undefined : new WriteSealing(sealer, this.#reads);
  }

  /** Writes all of them or, when one is refused, none; `details.op` then says which. */
  async write(operations: readonly GraphOperation[], call: CallOptions): Promise<void> {
    const writes = operations.map((operation) => makeGraphWrite(operation, this.#context));
    if (writes.length === 0) return;
    const need = this.#sealing?.needOf(operations) ?? 'nothing';
    if (need === 'nothing') await this.#send(operations, () => this.#client.writeWithChunks(...joined(writes), call));
    else await this.#send(operations, () => this.#sendSealed(operations, need, call));
  }

  /**
   * Writes one update. Properties too large to be changed one by one are read, changed here and replaced, unless
   * somebody else changed them meanwhile.
   */
  async update(operation: Update, call: CallOptions): Promise<void> {
    if (!isLargePatch(operation.patch)) {
      try {
        await this.write([operation], call);
        return;
      } catch (error) {
        if (!isStoredWhole(error)) throw error;
      }
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#replaceProperties(operation, call);
        return;
      } catch (error) {
        const wasChanged = refusalOf(error)?.code.endsWith('/seq-mismatch') === true;
        if (!wasChanged || operation.ifSeq !== undefined || attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #replaceProperties(operation: Update, call: CallOptions): Promise<void> {
    const { id, patch, ifSeq } = operation;
    const isEntity = operation.type === 'update-entity';
    const [stored] = isEntity ? await this.#reads.entityRowsById([id]) : await this.#reads.relationRowsById([id]);
    const [row] = isEntity ? await this.#reads.entitiesById([id]) : await this.#reads.relationsById([id]);
    if (row === undefined || stored === undefined) throw makeNotVisible(isEntity ? 'entity' : 'relation', id);
    const properties: Record<string, unknown> = { ...row.properties, ...patch.properties };
    for (const key of patch.removeProperties ?? []) delete properties[key];
    const whole = { ...operation, ifSeq: ifSeq ?? row.seq };
    // What was read and what is given are both storable.
    const plain = properties as Properties;
    const sealed = (await this.#sealing?.sealProperties(isEntity ? 'entity' : 'relation', row, plain)) ?? plain;
    // What is too large for a column goes to where the row is.
    const write = makeWholeUpdate(whole, sealed, { ...this.#context, scope: stored.scope });
    await this.#send([operation], () => this.#client.writeWithChunks(...joined([write]), call));
  }

  /** Takes its place in the order of writes now, and is sealed before its turn, or, if rows are looked at, in its turn. */
  #sendSealed(operations: readonly GraphOperation[], need: 'sealing' | 'rows', call: CallOptions): Promise<void> {
    const make = async (): Promise<LaterWrite> => {
      const sealed = (await this.#sealing?.seal(operations)) ?? operations;
      const [chunks, ops] = joined(sealed.map((operation) => makeGraphWrite(operation, this.#context)));
      return { chunks, ops };
    };
    const bytes = operations.reduce((sum, operation) => sum + sizeOf(operation), 0);
    return this.#client.writeLater(need === 'rows' ? make : make(), bytes, call);
  }

  async #send(operations: readonly GraphOperation[], send: () => Promise<void>): Promise<void> {
    try {
      await send();
    } catch (error) {
      throw asGraphError(error, operations);
    }
  }
}

function joined(writes: readonly GraphWrite[]): [chunks: readonly Op[], ops: readonly Op[]] {
  return [writes.flatMap(({ chunks }) => chunks), writes.map(({ op }) => op)];
}

/** About how many bytes the properties of an operation take. */
function sizeOf(operation: GraphOperation): number {
  const given = 'input' in operation ? operation.input : 'patch' in operation ? operation.patch : {};
  return 'properties' in given && given.properties !== undefined ? stringify(given.properties).length : 0;
}

/** A refusal for form as every graph tells it; any other error as it is. */
function asGraphError(error: unknown, operations: readonly GraphOperation[]): unknown {
  if (!(error instanceof RefusedError) || !FORM_CODES.has(error.code) || isStoredWhole(error)) return error;
  const operation = operations[error.op ?? 0];
  const code = operation?.type.endsWith('relation') === true ? 'relation/invalid' : 'entity/invalid';
  return new NervError(code, error.message, { details: error.details, cause: error });
}

function isLargePatch({ properties }: EntityPatch): boolean {
  return properties !== undefined && utf8Length(stringify(properties)) > MAX_INLINE_VALUE_BYTES;
}

/** Whether an update was refused because the properties as they are, or as they would be, do not fit in a column. */
function isStoredWhole(error: unknown): boolean {
  if (!(error instanceof RefusedError)) return false;
  if (error.code === 'value/malformed') return error.message.includes('replaced whole');
  return error.code === 'value/too-large' && error.details['what'] === 'properties';
}
