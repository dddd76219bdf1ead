/*
 * The graph as it is held here: loaded by pages, then kept up by the log. Invariants:
 * - a record of the log is taken in after those before it;
 * - what a page brought before a record told of it is not news again: the rows' `seq` decides;
 * - on the owner's connections every change is told once, as it was; to others, changes that came close together may
 *   be told as one.
 */
import type { EntityRow, RelationRow } from '@inner-universe/module/wire';
import { NervError, type LocalEntityGraph } from '@inner-universe/nerv';
import { GraphReplica, type ConfirmedRow } from '@inner-universe/nerv/graph/replica';
import { idsOf } from '../client/inner-universe-client.ts';
import type { LiveEvent } from '../client/change-source.ts';
import type { ModuleClient } from '../client/client.ts';
import { ChangedRows, type Subject } from './changed-rows.ts';
import { GraphReads } from './graph-reads.ts';
import { makeEntities, makeRelations, type RowSource } from './graph-rows.ts';

/** Records that wait to be taken in; beyond, the graph is read anew instead. */
const RECORDS_MAX = 10_000;

/** A whole graph, in memory and live. */
export class LiveGraph {
  readonly #replica: GraphReplica;
  readonly #client: ModuleClient;
  readonly #source: RowSource;
  readonly #reads: GraphReads;
  readonly #onError: (error: unknown) => void;
  readonly #changed = new ChangedRows();
  #stops: (() => void)[] = [];
  #loading: Promise<void> | undefined;
  #isLoaded = false;
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isReloadDue = false;
  #closed = false;

  constructor(client: ModuleClient, source: RowSource, onError: (error: unknown) => void) {
    this.#client = client;
    this.#source = source;
    this.#reads = new GraphReads(source);
    this.#onError = onError;
    this.#replica = new GraphReplica({ onError });
  }

  /** What is held, for synchronous reading and subscribing. */
  get graph(): LocalEntityGraph {
    return this.#replica.graph;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Loads everything the first time; resolves when it is there. A failed load is tried again by the next call. */
  load(): Promise<void> {
    this.#loading ??= this.#load().catch((error: unknown) => {
      this.#loading = undefined;
      this.#stopFollowing();
      throw error;
    });
    return this.#loading;
  }

  /** Resolves when a load that has begun is over, however it ends: what is written from then on is told. */
  async begun(): Promise<void> {
    await this.#loading?.catch(() => undefined);
  }

  /** Resolves when what this process has written is taken in. */
  async settle(): Promise<void> {
    if (!this.#isLoaded) return;
    await this.#client.settle();
    await this.#line;
  }

  /** Resolves when everything committed before this call is taken in. */
  async upToDate(): Promise<LocalEntityGraph> {
    await this.load();
    await this.#client.catchUp();
    await this.#line;
    return this.graph;
  }

  close(): void {
    this.#closed = true;
    this.#stopFollowing();
    this.#replica.graph.close();
  }

  #stopFollowing(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  async #load(): Promise<void> {
    this.#replica.beginLoading();
    // What is changed while the pages come is taken in after them.
    const loaded = this.#inLine(async () => {
      await this.#follow();
      await this.#readAll();
    });
    await loaded;
    await this.#line;
    this.#replica.endLoading();
    this.#isLoaded = true;
  }

  async #follow(): Promise<void> {
    this.#stops.push(
      this.#client.listen(
        (events) => this.#accept(events),
        () => this.#reloadSoon(),
      ),
    );
    const following = {
      queries: (seq: bigint) => [
        `SELECT * FROM entity WHERE seq > ${seq}`,
        `SELECT * FROM relation WHERE seq > ${seq}`,
      ],
      tables: ['entity', 'relation'],
      onChange: this.#changed.put.bind(this.#changed),
    };
    this.#stops.push(await this.#client.followRows(following));
  }

  /** Reads everything; what is held here and was not found is gone. */
  async #readAll(): Promise<void> {
    const { graph } = this.#replica;
    const heldEntities = new Map(graph.query().map(({ id, seq }) => [id, seq]));
    const heldRelations = new Map(graph.queryRelations().map(({ id, seq }) => [id, seq]));
    for await (const rows of this.#reads.entities()) {
      this.#confirm(rows.map((row) => ({ type: 'entity', row })));
      for (const { id } of rows) heldEntities.delete(id);
    }
    for await (const rows of this.#reads.relations()) {
      this.#confirm(rows.map((row) => ({ type: 'relation', row })));
      for (const { id } of rows) heldRelations.delete(id);
    }
    // It was deleted after the change that is known here, at the earliest by the very next one.
    this.#confirm(Array.from(heldRelations, ([id, seq = 0]) => ({ type: 'relation-deleted', id, seq: seq + 1 })));
    this.#confirm(Array.from(heldEntities, ([id, seq = 0]) => ({ type: 'entity-deleted', id, seq: seq + 1 })));
  }

  #accept(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'system' || !/^(ENTITY|RELATION)_/.test(event.eventType)) continue;
      if (this.#waiting >= RECORDS_MAX) this.#reloadSoon();
      else this.#takeInSoon(event);
    }
  }

  #takeInSoon(record: LiveEvent): void {
    this.#waiting += 1;
    this.#inBackground(async () => {
      this.#waiting -= 1;
      await this.#takeIn(record);
    });
  }

  #reloadSoon(): void {
    if (this.#isReloadDue) return;
    this.#isReloadDue = true;
    this.#inBackground(async () => {
      this.#isReloadDue = false;
      await this.#readAll();
    });
  }

  async #takeIn(record: LiveEvent): Promise<void> {
    const subject: Subject = record.eventType.startsWith('ENTITY_') ? 'entity' : 'relation';
    const isDeletion = record.eventType.endsWith('_DELETED');
    const pushed = new Map<string, EntityRow | RelationRow>();
    const ids = idsOf(record);
    for (const id of ids) {
      const row = this.#changed.take(subject, id, record.seq);
      if (row !== undefined) pushed.set(id, row);
    }
    const missing = ids.filter((id) => !pushed.has(id));
    // What comes later is told by a later record; while pages come in any order, only the row itself tells.
    const mustRead = missing.length > 0 && (!isDeletion || !this.#isLoaded);
    const rows = [
      ...(await this.#makeRows(subject, [...pushed.values()])),
      ...(mustRead ? await this.#readRows(subject, missing) : []),
    ];
    const found = new Set(rows.map(({ row }) => row.id));
    const type = subject === 'entity' ? 'entity-deleted' : 'relation-deleted';
    const gone = ids.filter((id) => !found.has(id)).map((id): ConfirmedRow => ({ type, id, seq: Number(record.seq) }));
    this.#confirm([...rows, ...gone]);
  }

  async #makeRows(subject: Subject, rows: readonly (EntityRow | RelationRow)[]): Promise<readonly LiveRow[]> {
    // The rows of a subject are of its table.
    if (subject === 'entity')
      return (await makeEntities(this.#source, rows as readonly EntityRow[])).map((row) => ({ type: 'entity', row }));
    return (await makeRelations(this.#source, rows as readonly RelationRow[])).map((row) => ({
      type: 'relation',
      row,
    }));
  }

  async #readRows(subject: Subject, ids: readonly string[]): Promise<readonly LiveRow[]> {
    if (subject === 'entity') return (await this.#reads.entitiesById(ids)).map((row) => ({ type: 'entity', row }));
    return (await this.#reads.relationsById(ids)).map((row) => ({ type: 'relation', row }));
  }

  #confirm(rows: readonly ConfirmedRow[]): void {
    if (this.#closed) throw new NervError('graph/closed', 'The graph was closed while it was being read.');
    if (rows.length > 0) this.#replica.confirm(rows);
  }

  #inBackground(work: () => Promise<void>): void {
    this.#inLine(work).catch((error: unknown) => {
      if (!this.#closed) this.#onError(error);
    });
  }

  #inLine(work: () => Promise<void>): Promise<void> {
    const result = this.#line.then(work);
    this.#line = result.catch(() => undefined);
    return result;
  }
}

type LiveRow = Extract<ConfirmedRow, { readonly row: unknown }>;
