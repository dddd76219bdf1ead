import { readFile } from 'node:fs/promises';
import { chainHash } from '@inner-universe/nerv/hash';
import { compileCodec } from '../../host/src/bsatn/codec.ts';
import { BsatnReader } from '../../host/src/bsatn/reader.ts';
import { compileRowCodec } from '../../host/src/bsatn/row-codec.ts';
import { BsatnWriter } from '../../host/src/bsatn/writer.ts';
import type { LogRecord } from '../../host/src/clock/clock.ts';
import type { Caller, Commit, ConnectResult } from '../../host/src/database/calls.ts';
import { Database } from '../../host/src/database/database.ts';
import { makeProgramLoader } from '../../host/src/module/program-loader.ts';
import type { Storage } from '../../host/src/storage/storage.ts';
import { createMemoryStorage } from '../../host/src/storage/memory-storage.ts';
import { ManualTime } from '../../host/src/testing/manual-time.ts';
import { tryParseRefusal, type Op, type Refusal } from '../src/wire/index.ts';
import { fromPlain, toPlain } from './plain-values.ts';
// The build script is plain JavaScript.
// @ts-expect-error it has no declarations
import { buildModule } from '../../../scripts/build-module.mjs';

export const OWNER: Caller = { identity: 0x0an, connectionId: 1n };
export const ADA: Caller = { identity: 0xadan, connectionId: 2n };
export const BOB: Caller = { identity: 0xb0bn, connectionId: 3n };
export const DATABASE_IDENTITY = 0xdbn;

const programs = makeProgramLoader();
let bundle: Promise<string> | undefined;

/** The built module's text. */
export function moduleBundle(): Promise<string> {
  bundle ??= (buildModule() as Promise<string>).then((file) => readFile(file, 'utf8'));
  return bundle;
}

/** A row or result with camelCase keys; timestamps and identities are their numbers. */
// Tests name the fields they look at, and a wrong name gives undefined, which no expectation meets.
// oxlint-disable-next-line typescript/no-explicit-any
export type Plain = any;

/** What a call ended with: undefined for success. */
export type Outcome = Refusal | undefined;

/** The real module in the real host, in memory, with a clock that tests move. */
export class Universe {
  readonly database: Database;
  readonly time: ManualTime;
  readonly logs: LogRecord[];
  readonly commits: Commit[] = [];
  readonly #requestPrefix: string;
  #requests = 0;

  /** `requests` begins the ids of requests: one that was seen before would change nothing. */
  constructor(database: Database, time: ManualTime, logs: LogRecord[], requests = 'request-') {
    this.#requestPrefix = requests;
    this.database = database;
    this.time = time;
    this.logs = logs;
    database.onCommit((commit) => this.commits.push(commit));
  }

  /** Applies ops under a fresh request id, as the owner unless another is named. */
  apply(ops: readonly Op[], caller: Caller = OWNER): Outcome {
    this.#requests += 1;
    return this.request(`${this.#requestPrefix}${this.#requests}`, ops, { caller });
  }

  /** Applies ops under a given request id. */
  request(
    requestId: string,
    ops: readonly Op[],
    options: { caller?: Caller; issuedAt?: bigint; consumer?: object } = {},
  ): Outcome {
    const issuedAt = options.issuedAt ?? this.time.nowMicros();
    return this.call(options.caller ?? OWNER, 'apply', { requestId, issuedAt, consumer: options.consumer, ops });
  }

  /** Calls a reducer; anything but success and a refusal fails the test. */
  call(caller: Caller, name: string, args: object): Outcome {
    const def = this.database.def.reducers.find((reducer) => reducer.name === name);
    if (def === undefined) throw new Error(`there is no reducer ${name}`);
    const { outcome } = this.database.callReducer(caller, name, encodeArguments(def.params, args));
    if (outcome.type === 'committed') return undefined;
    return asRefusal(`${name}: ${outcome.type}`, outcome.message, this.logs);
  }

  /** What a function answers, as the text of its bytes: results as they go over the wire, refusals as they are told. */
  answer(caller: Caller, kind: 'reducer' | 'procedure', name: string, args: object): string {
    const { reducers, procedures } = this.database.def;
    const def = (kind === 'reducer' ? reducers : procedures).find((one) => one.name === name);
    if (def === undefined) throw new Error(`there is no ${kind} ${name}`);
    const bytes = encodeArguments(def.params, args);
    const { outcome } =
      kind === 'reducer'
        ? this.database.callReducer(caller, name, bytes)
        : this.database.callProcedure(caller, name, bytes);
    if ('message' in outcome) return outcome.message;
    return 'bytes' in outcome ? new TextDecoder('latin1').decode(outcome.bytes) : '';
  }

  /** Calls a procedure and gives its result, or throws an error that carries the refusal. */
  read(name: string, args: object = {}, caller: Caller = OWNER): Plain {
    const def = this.database.def.procedures.find((procedure) => procedure.name === name);
    if (def === undefined) throw new Error(`there is no procedure ${name}`);
    const { outcome } = this.database.callProcedure(
      caller,
      name,
      encodeArguments(def.params, { ...READ_DEFAULTS[name], ...args }),
    );
    if (outcome.type === 'failed') throw new ReadRefused(asRefusal(name, outcome.message, this.logs));
    return toPlain(def.returnType, compileCodec(def.returnType).decode(new BsatnReader(outcome.bytes)));
  }

  /** The refusal of a read that must be refused. */
  refusedRead(name: string, args: object = {}, caller: Caller = OWNER): Refusal {
    try {
      this.read(name, args, caller);
    } catch (error) {
      if (error instanceof ReadRefused) return error.refusal;
      throw error;
    }
    throw new Error(`${name} was not refused`);
  }

  connect(caller: Caller, jwtPayload = '{}'): ConnectResult {
    return this.database.connect(caller, jwtPayload);
  }

  /** Every committed row of a table. */
  rows(table: string): Plain[] {
    const def = this.database.def.tables.find(({ name }) => name === table);
    if (def === undefined) throw new Error(`there is no table ${table}`);
    const codec = compileRowCodec(def.columns);
    const type = {
      type: 'product',
      elements: def.columns.map(({ name, algebraicType }) => ({ name, algebraicType })),
    } as const;
    return [...this.database.committed.table(def.id).scan()].map((row) => toPlain(type, codec.decode(row)));
  }

  /** The rows that one table gained in all commits seen so far. */
  inserted(table: string): Plain[] {
    return this.commits.flatMap(({ deltas }) =>
      deltas
        .filter((delta) => delta.table.name === table)
        .flatMap((delta) => {
          const { columns } = delta.table;
          const codec = compileRowCodec(columns);
          const type = {
            type: 'product',
            elements: columns.map(({ name, algebraicType }) => ({ name, algebraicType })),
          } as const;
          return delta.inserts.map((row) => toPlain(type, codec.decode(row)));
        }),
    );
  }

  /** Everything stored, as one text, to see that something changed nothing. */
  dump(): string {
    const tables = this.database.def.tables.map(({ name }) => [name, this.rows(name)]);
    return JSON.stringify(tables, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  }
}

class ReadRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`${refusal.code}: ${refusal.message}`);
    this.refusal = refusal;
  }
}

/** A universe: a fresh one, or the one that lies in a storage. */
export async function openUniverse(
  options: { readonly storage?: Storage; readonly program?: string; readonly requests?: string } = {},
): Promise<Universe> {
  const logs: LogRecord[] = [];
  const time = new ManualTime();
  const database = await Database.open({
    name: 'universe',
    program: options.program ?? (await moduleBundle()),
    storage: options.storage ?? createMemoryStorage(),
    identity: DATABASE_IDENTITY,
    owner: OWNER.identity,
    clock: time,
    timers: time,
    logger: { log: (record) => logs.push(record) },
    programs,
  });
  return new Universe(database, time, logs, options.requests);
}

/** An identity as grants name it. */
export function hex(identity: bigint): string {
  return identity.toString(16).padStart(64, '0');
}

interface Param {
  readonly name: string;
  readonly algebraicType: Parameters<typeof fromPlain>[0];
}

function encodeArguments(params: readonly Param[], args: object): Uint8Array {
  const writer = new BsatnWriter();
  const type = { type: 'product', elements: params } as const;
  compileCodec(type).encode(writer, fromPlain(type, args));
  return writer.toBytes();
}

function asRefusal(what: string, message: string, logs: readonly LogRecord[]): Refusal {
  const refusal = tryParseRefusal(message);
  if (refusal === undefined) throw new Error(`${what}: ${message}\n${logs.map((record) => record.message).join('\n')}`);
  return refusal;
}

const PAGE = { cursor: '', limit: 0 };
const READ_DEFAULTS: Record<string, object> = {
  read_events: {
    ids: [],
    scope: '',
    pattern: '',
    kind: '',
    source: '',
    afterSeq: 0n,
    throughSeq: 0n,
    descending: false,
    limit: 0,
  },
  read_versions: { ids: [], scope: '', store: '', branch: '', line: '', descending: false, ...PAGE },
  read_version_at: { by: 'recorded', cursor: '' },
  read_state: { limit: 0 },
  read_stores: { scope: '', ...PAGE },
  read_branches: { scope: '', store: '', name: '', ...PAGE },
  read_tags: { scope: '', store: '', name: '', ...PAGE },
  read_branch_moves: PAGE,
  read_compacted_runs: { store: '', ids: [], headers: true, ...PAGE },
  read_entities: { ids: [], scope: '', entityType: '', name: '', tag: '', ...PAGE },
  read_relations: { ids: [], scope: '', relationType: '', name: '', fromId: '', toId: '', endId: '', ...PAGE },
  read_history: { of: 'entity', id: '', scope: '', throughSeq: 0n, ...PAGE },
  read_entities_at: { ids: [], scope: '', entityType: '', name: '', tag: '', ...PAGE },
  read_relations_at: { ids: [], scope: '', relationType: '', name: '', fromId: '', toId: '', ...PAGE },
  read_graph_changes: PAGE,
  read_neighborhood: { direction: 'both', relationTypes: [], seq: 0n, ...PAGE },
  read_chunk: { scope: '', position: 0 },
  read_permissions: { subject: '', ...PAGE },
  read_scope_page: PAGE,
  read_audit: PAGE,
  read_consumers: { name: '', ...PAGE },
  read_consumer_lag: { kind: 'application', lookAfter: 0n, throughSeq: 0n },
};

type Value<T extends Op['tag']> = Extract<Op, { tag: T }>['value'];

/** Ops with everything that a test does not care about filled in. */
export const ops = {
  event(eventId: string, eventType = 'order.placed', more: Partial<Value<'publishEvent'>> = {}): Op {
    const defaults = {
      scope: '',
      source: '',
      partitionKey: '',
      metadata: '',
      metadataEncoding: '',
      durability: 'durable',
    };
    return {
      tag: 'publishEvent',
      value: { ...defaults, eventId, eventType, typeVersion: 1, data: '{"id":1}', dataEncoding: 'json/1', ...more },
    };
  },
  entity(id: string, more: Partial<Value<'createEntity'>> = {}): Op {
    const texts = { name: '', description: '', properties: '{}', propertiesEncoding: 'json/1', scope: '', author: '' };
    return { tag: 'createEntity', value: { ...texts, id, entityType: 'person', tags: [], upsert: false, ...more } };
  },
  changeEntity(id: string, more: Partial<Value<'updateEntity'>>): Op {
    return { tag: 'updateEntity', value: { id, propertiesRemoved: [], clearValidity: false, ...more } };
  },
  dropEntity(id: string, more: Partial<Value<'deleteEntity'>> = {}): Op {
    return { tag: 'deleteEntity', value: { id, cascade: false, ...more } };
  },
  relation(id: string, fromId: string, toId: string, more: Partial<Value<'createRelation'>> = {}): Op {
    const texts = { name: '', description: '', properties: '{}', propertiesEncoding: 'json/1', scope: '', author: '' };
    const value = {
      ...texts,
      id,
      relationType: 'knows',
      fromId,
      toId,
      bidirectional: false,
      tags: [],
      upsert: false,
      ...more,
    };
    return { tag: 'createRelation', value };
  },
  changeRelation(id: string, more: Partial<Value<'updateRelation'>>): Op {
    const value = { id, clearStrength: false, propertiesRemoved: [], clearValidity: false, ...more };
    return { tag: 'updateRelation', value };
  },
  dropRelation(id: string, more: Partial<Value<'deleteRelation'>> = {}): Op {
    return { tag: 'deleteRelation', value: { id, ...more } };
  },
  /** A version whose chain hash is right; `parents` are versions made here too. */
  version(versionId: string, parents: readonly Op[] = [], more: Partial<Value<'recordVersion'>> = {}): Op {
    const micros = 1_000_000n;
    const value = {
      versionId,
      store: 'cart',
      scope: '',
      parents: parents.map((parent) => recorded(parent).versionId),
      dataHash: `sha256-tree:${versionId}`,
      author: 'Ada',
      authoredAt: { __timestamp_micros_since_unix_epoch__: micros },
      description: `makes ${versionId}`,
      metadata: '',
      metadataEncoding: '',
      delta: `[{"op":"add","path":"/${versionId}","value":1}]`,
      deltaEncoding: 'json/1',
      ...more,
    };
    const hash = chainHash({
      parents: parents.map((parent) => recorded(parent).chainHash),
      dataHash: value.dataHash,
      author: value.author,
      authoredAtMicros: value.authoredAt.__timestamp_micros_since_unix_epoch__,
      description: value.description,
    });
    return { tag: 'recordVersion', value: { chainHash: hash, ...value } };
  },
  /** One piece of a large value; all its bytes are its position and one. */
  chunk(digest: string, byteLength: number, more: Partial<Value<'uploadChunk'>> = {}): Op {
    const piece = { scope: '', digest, position: 0, count: 1, ...more };
    return { tag: 'uploadChunk', value: { bytes: new Uint8Array(byteLength).fill(piece.position + 1), ...piece } };
  },
  compact(child: string, leftOut: readonly string[], more: Partial<Value<'compactVersions'>> = {}): Op {
    const delta = '[{"op":"add","path":"/all","value":1}]';
    return { tag: 'compactVersions', value: { store: 'cart', child, leftOut, delta, deltaEncoding: '', ...more } };
  },
  prune(versionIds: readonly string[], store = 'cart'): Op {
    return { tag: 'pruneVersions', value: { store, versionIds } };
  },
  pruneHistory(keptFromSeq: bigint): Op {
    return { tag: 'pruneHistory', value: { keptFromSeq } };
  },
  branch(name: string, head: string, expectedHead?: string, store = 'cart'): Op {
    return { tag: 'moveBranch', value: { store, name, expectedHead, head } };
  },
  grant(subject: bigint | string, action: string, resource: string, scope = ''): Op {
    return {
      tag: 'grant',
      value: { subject: typeof subject === 'bigint' ? hex(subject) : subject, action, resource, scope },
    };
  },
  revoke(subject: bigint | string, action: string, resource: string, scope = ''): Op {
    return {
      tag: 'revoke',
      value: { subject: typeof subject === 'bigint' ? hex(subject) : subject, action, resource, scope },
    };
  },
  setting(key: string, value: unknown): Op {
    return { tag: 'setConfiguration', value: { key, value: value === undefined ? undefined : JSON.stringify(value) } };
  },
} as const;

function recorded(op: Op): Value<'recordVersion'> {
  if (op.tag !== 'recordVersion') throw new Error(`${op.tag} records no version`);
  return op.value;
}
