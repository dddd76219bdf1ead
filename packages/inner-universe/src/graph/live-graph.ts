/*
 * The parts of the graph that are held here, live. Invariants:
 * - a part that is loaded holds every row it says, as far as the log was taken in;
 * - parts are counted by who asked for them, and what nobody asks for any more is let go;
 * - what is held never exceeds the stated limit: loading is refused, and a graph that others let grow to twice of it is
 *   given up.
 */
import { NervError, systemTimers } from '@inner-universe/nerv';
import type { EntityQuery, LocalEntityGraph, RelationQuery } from '@inner-universe/nerv/graph';
import type { ModuleClient } from '../client/client.ts';
import type { GraphKind } from '../encryption/graph-sealer.ts';
import { ConnectionError, NervPersistenceError } from '../errors.ts';
import { GraphCopies } from './graph-copies.ts';
import { GraphFollower } from './graph-follower.ts';
import { LoadedPart, type GraphPart } from './graph-part.ts';
import { GraphReads } from './graph-reads.ts';
import type { RowSource } from './graph-rows.ts';
import { operationsOf } from './operations-of-ops.ts';
import { makeGraphClosed } from './paged-graph.ts';
import { kindOf } from './pending-writes.ts';
import { ReplicaRows, type RawChanges } from './replica-rows.ts';
import { RestoredWrites } from './restored-writes.ts';
import { scopeOf, type ScopedOperation } from './scoped-batch.ts';

/** What a live graph is made of. */
export interface LiveGraphParts {
  readonly client: ModuleClient;
  readonly source: RowSource;
  readonly onError: (error: unknown) => void;
  readonly heldRowsMax: number;
  /** Under which the copy is kept; undefined for none. */
  readonly copyName: string | undefined;
  /** The scope that writes go to. */
  readonly scope: string;
}

/** A part that somebody asked for, until it is released. */
export interface PartLease {
  /** Resolves when the part is held here; rejects when it could not be loaded. */
  readonly ready: Promise<void>;
  /** The same for leases of the same part. */
  readonly key: string;
  release(): void;
}

interface Asked {
  readonly part: LoadedPart;
  leases: number;
  isReady: boolean;
  ready: Promise<void>;
}

/** A graph in memory, in parts, and live. */
export class LiveGraph {
  readonly #parts: LiveGraphParts;
  readonly #reads: GraphReads;
  readonly #asked = new Map<string, Asked>();
  readonly #copies: GraphCopies | undefined;
  readonly #restored: RestoredWrites;
  readonly #stopObserving: () => void;
  #rows: ReplicaRows;
  #follower: GraphFollower;
  #shown = 0;
  #closed = false;

  constructor(parts: LiveGraphParts) {
    const { client, copyName } = parts;
    this.#parts = parts;
    this.#reads = new GraphReads({ read: client.readPage, sealer: undefined });
    this.#rows = this.#makeRows();
    this.#follower = this.#makeFollower();
    const { localCopies, timers = systemTimers } = client;
    if (localCopies !== undefined && copyName !== undefined) {
      this.#copies = new GraphCopies(
        localCopies,
        { name: copyName, timers },
        {
          seq: () => this.#follower.takenSeq,
          parts: () => this.loadedParts,
          rows: () => this.#rows.held.all(),
          size: () => this.#rows.held.size,
        },
      );
    }
    this.#restored = this.#makeRestored();
    const stops = [
      client.telemetry.observe('graph.held_rows', () => this.#rows.held.size),
      client.telemetry.observe('graph.pending_writes', () => this.#rows.pending.size),
    ];
    this.#stopObserving = () => stops.forEach((stop) => stop());
  }

  /** What is held, for synchronous reading and subscribing. */
  get graph(): LocalEntityGraph {
    return this.#rows.replica.graph;
  }

  /** The parts that are held now. */
  get loadedParts(): readonly GraphPart[] {
    return this.#ready().map(({ part }) => part);
  }

  /** Whether everything that a query can find is held. */
  covers(kind: GraphKind, query: EntityQuery | RelationQuery): boolean {
    const ready = this.#ready();
    if (ready.some((part) => part.covers(kind, query))) return true;
    const types = query.type === undefined ? [] : [query.type].flat();
    return types.length > 0 && types.every((type) => ready.some((part) => part.covers(kind, { ...query, type })));
  }

  /** Whether everything that a walk along relations of these types (undefined: of any) can meet is held. */
  coversWalk(relationType: string | readonly string[] | undefined): boolean {
    return this.covers('entity', {}) && this.covers('relation', { type: relationType });
  }

  holds(kind: GraphKind, id: string): boolean {
    return this.#rows.held.get(kind, id) !== undefined;
  }

  /** Asks for a part: it is loaded unless it is here already. @throws NervError `graph/invalid-query` */
  lease(given: GraphPart): PartLease {
    if (this.#closed) throw makeGraphClosed();
    const part = new LoadedPart(given);
    const known = this.#asked.get(part.key);
    const asked = known ?? { part, leases: 0, isReady: false, ready: Promise.resolve() };
    asked.leases += 1;
    if (known === undefined) {
      this.#asked.set(part.key, asked);
      asked.ready = this.#load(asked);
    }
    let isReleased = false;
    return {
      ready: asked.ready,
      key: part.key,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.#release(asked);
      },
    };
  }

  /** As `lease`, of a part that was asked for already and has in it all that is wanted, if there is one. */
  leaseCovering(wanted: GraphPart): PartLease {
    const found = [...this.#asked.values()].find(({ part }) => part.includes(wanted));
    return this.lease(found?.part.part ?? wanted);
  }

  /** What a part is called. @throws NervError `graph/invalid-query` */
  keyOf(part: GraphPart): string {
    return new LoadedPart(part).key;
  }

  /** Resolves when loads that have begun are over, however they end: what is written from then on is told. */
  async begun(): Promise<void> {
    const loading = [...this.#asked.values()].filter(({ isReady }) => !isReady);
    await Promise.allSettled(loading.map(({ ready }) => ready));
  }

  /** Resolves when what this process has written is taken in. */
  async settle(): Promise<void> {
    if (this.#asked.size === 0) return;
    await this.#parts.client.settle();
    await this.#follower.idle();
    this.#rows.settleAnswered();
  }

  /**
   * What is held, when everything committed before this call is taken in. While there is no connection, it is what was
   * known last.
   */
  async upToDate(): Promise<LocalEntityGraph> {
    const { client } = this.#parts;
    try {
      if (client.state === 'connected') await client.catchUp();
    } catch (error) {
      // The connection was lost just now.
      if (!(error instanceof ConnectionError)) throw error;
    }
    await this.#follower.idle();
    return this.graph;
  }

  /** Shows a write before it is confirmed, as far as what it is about is held; gives what it is called then. */
  show(operations: readonly ScopedOperation[]): string | undefined {
    const isHeldHere = operations.every((operation) => this.#isAboutHeld(operation));
    if (!isHeldHere || operations.length === 0) return undefined;
    this.#shown += 1;
    const id = `write:${this.#shown}`;
    return this.#rows.show(id, operations) ? id : undefined;
  }

  /** A shown write was applied: it stays until its rows are here. */
  answer(id: string): void {
    this.#rows.pending.answer(id);
  }

  /** A shown write was refused: all that it had changed is taken back. */
  refuse(id: string): void {
    this.#rows.pending.refuse(id);
  }

  /** Opens what is sealed anew. */
  reopen(): void {
    this.#follower.inLine(() => this.#rows.reopen()).catch(this.#reportError);
  }

  close(): void {
    if (this.#closed) return;
    this.#copies?.close();
    this.#closed = true;
    this.#stopObserving();
    this.#restored.close();
    this.#follower.close();
    this.#rows.close();
  }

  #ready(): LoadedPart[] {
    return [...this.#asked.values()].filter(({ isReady }) => isReady).map(({ part }) => part);
  }

  #load(asked: Asked): Promise<void> {
    const { client } = this.#parts;
    const { key } = asked.part;
    return client.telemetry
      .span('graph.load', { part: key }, () => this.#loadPart(asked))
      .then(
        () => this.#release(asked, 0),
        (error: unknown) => {
          if (this.#asked.get(key) === asked) this.#asked.delete(key);
          this.#letGo();
          throw error;
        },
      );
  }

  async #loadPart(asked: Asked): Promise<void> {
    const finish = async (): Promise<void> => {
      asked.isReady = true;
      await this.#restored.show();
      this.#copies?.keepSoon();
    };
    const isAdopted = await this.#follower.inLine(async () => {
      await this.#follower.start();
      if (!(await this.#adoptCopy(asked.part))) return false;
      await finish();
      return true;
    });
    if (isAdopted) return;
    // Where there is no connection, this is what waits for it: other parts may be there meanwhile.
    if (this.#parts.client.state !== 'connected') await this.#parts.client.read('readScopes', {});
    await this.#follower.inLine(async () => {
      await this.#follower.start();
      await this.#follower.begin();
      await this.#readPart(asked.part);
      await finish();
    });
  }

  #release(asked: Asked, leases: 0 | 1 = 1): void {
    asked.leases -= leases;
    if (asked.leases > 0 || !asked.isReady || this.#closed) return;
    if (this.#asked.get(asked.part.key) !== asked) return;
    this.#asked.delete(asked.part.key);
    this.#letGo();
  }

  /** Takes out what no part holds any more. */
  #letGo(): void {
    if (this.#closed) return;
    this.#follower
      .inLine(async () => {
        this.#rows.keepOnly([...this.#asked.values()].map(({ part }) => part));
        if (this.#asked.size === 0) this.#follower.stop();
        this.#copies?.keepSoon();
      })
      .catch(this.#reportError);
  }

  /** Takes what was kept here of a part, if there is any: then what changed since is all that is read. */
  async #adoptCopy(part: LoadedPart): Promise<boolean> {
    if (this.#copies === undefined) return false;
    const copy = await this.#copies.read();
    if (copy === undefined || !copy.parts.some((kept) => new LoadedPart(kept).key === part.key)) return false;
    await this.#rows.adopt(copy.rows.filter(({ kind, row, scope }) => part.holds(kind, row, scope)));
    this.#follower.beginAt(copy.seq);
    this.#parts.client.telemetry.count('graph.rows_read', copy.rows.length, { from: 'copy' });
    if (this.#parts.client.state === 'connected') await this.#follower.pull();
    return true;
  }

  async #readPart(part: LoadedPart): Promise<Record<GraphKind, Set<string>>> {
    const found = { entity: new Set<string>(), relation: new Set<string>() };
    const { types = [undefined], relationTypes = [undefined], scopes = [undefined] } = part.part;
    for (const scope of scopes) {
      for (const entityType of types) {
        for await (const rows of this.#reads.entityRows({ entityType, scope })) {
          await this.#takeInPage({ entities: rows, relations: [], gone: [] }, part);
          for (const { id } of rows) found.entity.add(id);
        }
      }
      for (const relationType of relationTypes) {
        for await (const rows of this.#reads.relationRows({ relationType, scope })) {
          await this.#takeInPage({ entities: [], relations: rows, gone: [] }, part);
          for (const { id } of rows) found.relation.add(id);
        }
      }
    }
    return found;
  }

  async #takeInPage(changes: RawChanges, part: LoadedPart): Promise<void> {
    if (this.#closed) throw makeGraphClosed();
    this.#count(changes, 'page');
    // A row of this page may have left another part that it is held for.
    await this.#rows.load(changes, [...this.#ready(), part]);
  }

  async #takeIn(changes: RawChanges): Promise<void> {
    if (this.#closed) return;
    this.#count(changes, 'change');
    try {
      await this.#rows.follow(
        changes,
        [...this.#asked.values()].map(({ part }) => part),
      );
    } catch (error) {
      if (!(error instanceof NervPersistenceError) || error.code !== 'graph/too-large') throw error;
      this.#giveUp();
      this.#parts.onError(error);
    }
  }

  #count({ entities, relations, gone }: RawChanges, from: string): void {
    const rows = entities.length + relations.length + gone.length;
    if (rows > 0) this.#parts.client.telemetry.count('graph.rows_read', rows, { from });
  }

  /** Reads all parts again; what is held and was not found is gone. */
  async #reload(): Promise<void> {
    for (const { part } of [...this.#asked.values()]) {
      this.#rows.dropUnfound(part, await this.#readPart(part).catch((error: unknown) => this.#nothingIfDenied(error)));
    }
  }

  /** What may be read no longer is not held any longer either; whoever looks at it is told why. */
  #nothingIfDenied(error: unknown): Record<GraphKind, Set<string>> {
    if (!(error instanceof NervError) || error.code !== 'permission/denied') throw error;
    this.#reportError(error);
    return { entity: new Set(), relation: new Set() };
  }

  /** It has grown beyond what can be held: nothing is held any more, and who looked at it is told no more. */
  #giveUp(): void {
    this.#asked.clear();
    this.#follower.close();
    this.#rows.close();
    this.#rows = this.#makeRows();
    this.#follower = this.#makeFollower();
  }

  #isAboutHeld(operation: ScopedOperation): boolean {
    if (operation.type.startsWith('update-') || operation.type.startsWith('delete-')) return true;
    const type =
      'entityType' in operation ? operation.entityType : 'relationType' in operation ? operation.relationType : '';
    const scope = scopeOf(operation, this.#parts.scope);
    return this.#ready().some((part) => part.mayHold(kindOf(operation), type, scope));
  }

  #makeRows(): ReplicaRows {
    const { client, source, onError, heldRowsMax } = this.#parts;
    const rows = new ReplicaRows({ source, onError, heldRowsMax, identity: () => client.identity });
    rows.onChange = (_kind, id) => this.#copies?.change(id);
    return rows;
  }

  #makeFollower(): GraphFollower {
    const { client, onError } = this.#parts;
    return new GraphFollower({
      client,
      onError,
      takeIn: (changes) => this.#takeIn(changes),
      reload: () => this.#reload(),
    });
  }

  #makeRestored(): RestoredWrites {
    const { client, source } = this.#parts;
    return new RestoredWrites(client, {
      show: (id, operations) => void this.#rows.show(id, operations),
      answer: (id) => {
        this.answer(id);
        this.#follower.pullSoon();
        this.#follower.inLine(async () => this.#rows.settleAnswered()).catch(this.#reportError);
      },
      refuse: (id) => this.refuse(id),
      operationsOf: (ops) =>
        operationsOf(ops, async ({ kind, id, type = this.#rows.held.get(kind, id)?.row.type }, properties) => {
          const { sealer } = source;
          if (type === undefined || sealer?.covers(kind, type) !== true) return properties;
          return sealer.open(kind, { id, type }, properties);
        }),
    });
  }

  readonly #reportError = (error: unknown): void => {
    if (!this.#closed) this.#parts.onError(error);
  };
}
