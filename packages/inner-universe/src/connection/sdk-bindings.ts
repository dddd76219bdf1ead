/*
 * The generated bindings, told to the SDK in the way that costs least where there are thousands of rows and ops.
 * Invariants:
 * - every message has the bytes that the generated bindings give it: to BSATN a text is an array of bytes;
 * - rows that arrive are the same.
 */
import { AlgebraicType } from 'spacetimedb';
import { DbConnection, DbConnectionBuilder, REMOTE_MODULE } from '../generated/module-bindings.ts';
import type { TextBytes } from './text-bytes.ts';

/** Tables, by their accessor, whose rows are told once and kept nowhere. */
export const EVENT_TABLES: ReadonlySet<string> = new Set(
  Object.values(REMOTE_MODULE.tables)
    .filter((table) => 'isEvent' in table && table.isEvent === true)
    .map(({ accessorName }) => accessorName),
);
/** The reducer whose arguments `withTextBytes` prepares. */
export const APPLY = 'apply';
const PUBLISH_EVENT = 'PublishEvent';
const BYTES = AlgebraicType.Array(AlgebraicType.U8);

type Reducer = (typeof REMOTE_MODULE)['reducers'][number];

/** Configures a connection whose `apply` takes what `withTextBytes` gives. */
export function makeConnectionBuilder(): DbConnectionBuilder {
  const { tables, reducers } = REMOTE_MODULE;
  const remote = {
    ...REMOTE_MODULE,
    tables: { ...tables, eventFeed: withKey(tables.eventFeed) },
    reducers: reducers.map((reducer) => (reducer.name === APPLY ? withByteTexts(reducer) : reducer)),
  };
  // Members of the same kinds, of which only those two are described in another way.
  return new DbConnectionBuilder(remote as unknown as typeof REMOTE_MODULE, (config) => new DbConnection(config));
}

/** The arguments of `apply` with the texts of events as bytes. */
export function withTextBytes(args: object, texts: TextBytes): object {
  const { ops } = args as { readonly ops?: unknown }; // looked at here
  return Array.isArray(ops) ? { ...args, ops: ops.map((op: SdkOp) => encodeOp(op, texts)) } : args;
}

/** Rows of a table without a key are told apart by all their bytes in Base64: here only to be told once. */
function withKey(eventFeed: (typeof REMOTE_MODULE)['tables']['eventFeed']): object {
  const { columns } = eventFeed;
  return { ...eventFeed, columns: { ...columns, eventId: columns.eventId.primaryKey() } };
}

/** The SDK makes an encoder and a buffer for every text it writes, and none for bytes. */
function withByteTexts({ paramsType, ...reducer }: Reducer): object {
  const elements = paramsType.elements.map((element) => ({
    ...element,
    algebraicType: withByteOps(element.algebraicType),
  }));
  return { ...reducer, paramsType: { elements } };
}

function withByteOps(type: AlgebraicType): AlgebraicType {
  if (type.tag !== 'Array' || type.value.tag !== 'Sum') return type;
  const variants = type.value.value.variants.map((variant) =>
    variant.name === PUBLISH_EVENT ? { ...variant, algebraicType: withByteFields(variant.algebraicType) } : variant,
  );
  return AlgebraicType.Array(AlgebraicType.Sum({ variants }));
}

function withByteFields(type: AlgebraicType): AlgebraicType {
  if (type.tag !== 'Product') return type;
  const elements = type.value.elements.map((element) =>
    element.algebraicType.tag === 'String' ? { ...element, algebraicType: BYTES } : element,
  );
  return AlgebraicType.Product({ elements });
}

/** An op as the SDK takes it. */
interface SdkOp {
  readonly tag: string;
  readonly value: SdkEvent;
}

/** What `PublishEvent` holds; other ops are not looked into. */
interface SdkEvent {
  readonly eventId: string;
  readonly eventType: string;
  readonly typeVersion: number;
  readonly scope: string;
  readonly source: string;
  readonly partitionKey: string;
  readonly authoredAt: unknown;
  readonly data: string;
  readonly dataEncoding: string;
  readonly metadata: string;
  readonly metadataEncoding: string;
  readonly durability: string;
}

function encodeOp(op: SdkOp, texts: TextBytes): object {
  if (op.tag !== PUBLISH_EVENT) return op;
  const { value } = op;
  const event: Readonly<Record<keyof SdkEvent, unknown>> = {
    eventId: texts.of(value.eventId),
    eventType: texts.ofRepeated(value.eventType),
    typeVersion: value.typeVersion,
    scope: texts.ofRepeated(value.scope),
    source: texts.ofRepeated(value.source),
    partitionKey: texts.ofRepeated(value.partitionKey),
    authoredAt: value.authoredAt,
    data: texts.of(value.data),
    dataEncoding: texts.ofRepeated(value.dataEncoding),
    metadata: value.metadata === '{}' ? texts.ofRepeated(value.metadata) : texts.of(value.metadata),
    metadataEncoding: texts.ofRepeated(value.metadataEncoding),
    durability: texts.ofRepeated(value.durability),
  };
  return { tag: op.tag, value: event };
}
