import { BsatnError } from '../bsatn/bsatn-error.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import { readNamedTypes, readType } from '../bsatn/type-codec.ts';
import { readArray, readChoice, readOption, readTag } from './read-definition.ts';
import type {
  RawExplicitName,
  RawHttpRoute,
  RawIndexDef,
  RawLifecycleDef,
  RawModuleDef,
  RawProcedureDef,
  RawReducerDef,
  RawScheduleDef,
  RawSequenceDef,
  RawSubmodule,
  RawTableDef,
  RawTypeDef,
  RawViewDef,
  RawViewPrimaryKey,
} from './raw-module-def.ts';
import { SchemaError } from './schema-error.ts';

/** Submodules nested deeper than this are refused. */
const MAX_SUBMODULE_DEPTH = 16;
const VERSION_10 = 2;

const EMPTY: RawModuleDef = {
  typespace: [],
  types: [],
  tables: [],
  reducers: [],
  procedures: [],
  views: [],
  schedules: [],
  lifecycleReducers: [],
  rowLevelSecurity: [],
  caseConversion: 'snake-case',
  explicitNames: [],
  httpHandlers: [],
  httpRoutes: [],
  viewPrimaryKeys: [],
  submodules: [],
};

/** How each section is read into the definition, by its tag. */
const SECTIONS: readonly ((reader: BsatnReader, depth: number) => Partial<RawModuleDef>)[] = [
  (reader) => ({ typespace: readArray(reader, readType) }),
  (reader) => ({ types: readArray(reader, readTypeDef) }),
  (reader) => ({ tables: readArray(reader, readTable) }),
  (reader) => ({ reducers: readArray(reader, readReducer) }),
  (reader) => ({ procedures: readArray(reader, readProcedure) }),
  (reader) => ({ views: readArray(reader, readView) }),
  (reader) => ({ schedules: readArray(reader, readSchedule) }),
  (reader) => ({ lifecycleReducers: readArray(reader, readLifecycle) }),
  (reader) => ({ rowLevelSecurity: readArray(reader, readString) }),
  (reader) => ({ caseConversion: readChoice(reader, 'case conversion policy', ['none', 'snake-case'] as const) }),
  (reader) => ({ explicitNames: readArray(reader, readExplicitName) }),
  (reader) => ({ httpHandlers: readArray(reader, readString) }),
  (reader) => ({ httpRoutes: readArray(reader, readHttpRoute) }),
  (reader) => ({ viewPrimaryKeys: readArray(reader, readViewPrimaryKey) }),
  (reader, depth) => ({ submodules: readArray(reader, (inner) => readSubmodule(inner, depth + 1)) }),
];

/**
 * Decodes what a module's `__describe_module__` returns.
 * @throws {BsatnError} when the bytes are malformed or have a section that is not known.
 * @throws {SchemaError} `schema/unsupported` when the definition is not of version 10.
 */
export function decodeRawModuleDef(bytes: Uint8Array): RawModuleDef {
  const reader = new BsatnReader(bytes);
  const version = reader.u8();
  if (version !== VERSION_10) {
    const rule = 'UnsupportedVersion';
    const message = `definitions of version 10 (tag ${VERSION_10}) are supported, this one has tag ${version}; rebuild the module with spacetimedb 2.0 or later`;
    throw new SchemaError([{ rule, message }], 'schema/unsupported');
  }
  const raw = readSections(reader, 0);
  reader.expectEnd();
  return raw;
}

function readSections(reader: BsatnReader, depth: number): RawModuleDef {
  if (depth > MAX_SUBMODULE_DEPTH) reader.fail(`submodules are nested deeper than ${MAX_SUBMODULE_DEPTH} levels`);
  const seen = new Set<number>();
  let raw = EMPTY;
  const count = reader.arrayLength(1);
  for (let index = 0; index < count; index += 1) {
    const at = reader.offset;
    const tag = reader.u8();
    const readSection = SECTIONS[tag];
    if (readSection === undefined) throw new BsatnError(`there is no section with tag ${tag}`, at);
    if (seen.has(tag)) throw new BsatnError(`section ${tag} is there twice`, at);
    seen.add(tag);
    raw = { ...raw, ...readSection(reader, depth) };
  }
  return raw;
}

function readString(reader: BsatnReader): string {
  return reader.string();
}

function readColumn(reader: BsatnReader): number {
  return reader.u16();
}

function readTypeDef(reader: BsatnReader): RawTypeDef {
  const scope = readArray(reader, readString);
  const sourceName = reader.string();
  const ref = reader.u32();
  // Whether the order of elements was chosen by hand matters for other languages' layouts only.
  reader.bool();
  return { scope, sourceName, ref };
}

function readTable(reader: BsatnReader): RawTableDef {
  const sourceName = reader.string();
  const productTypeRef = reader.u32();
  const primaryKey = readArray(reader, readColumn);
  const indexes = readArray(reader, readIndex);
  const constraints = readArray(reader, readConstraint);
  const sequences = readArray(reader, readSequence);
  readChoice(reader, 'table type', ['system', 'user'] as const);
  const access = readChoice(reader, 'table access', ['public', 'private'] as const);
  const defaultValues = readArray(reader, (inner) => ({ column: inner.u16(), value: inner.byteArray().slice() }));
  const isEvent = reader.bool();
  return { sourceName, productTypeRef, primaryKey, indexes, constraints, sequences, access, defaultValues, isEvent };
}

function readIndex(reader: BsatnReader): RawIndexDef {
  const sourceName = readOption(reader, readString);
  const accessorName = readOption(reader, readString);
  const algorithm = readChoice(reader, 'index algorithm', ['btree', 'hash', 'direct'] as const);
  const columns = algorithm === 'direct' ? [reader.u16()] : readArray(reader, readColumn);
  return { sourceName, accessorName, algorithm, columns };
}

function readConstraint(reader: BsatnReader): number[] {
  readOption(reader, readString);
  readChoice(reader, 'constraint', ['unique'] as const);
  return readArray(reader, readColumn);
}

function readSequence(reader: BsatnReader): RawSequenceDef {
  readOption(reader, readString);
  const column = reader.u16();
  const start = readOption(reader, readI128);
  const min = readOption(reader, readI128);
  const max = readOption(reader, readI128);
  return { column, start, min, max, increment: reader.i128() };
}

function readI128(reader: BsatnReader): bigint {
  return reader.i128();
}

const VISIBILITIES = ['private', 'client-callable'] as const;

function readReducer(reader: BsatnReader): RawReducerDef {
  const sourceName = reader.string();
  const params = readNamedTypes(reader);
  const visibility = readChoice(reader, 'visibility', VISIBILITIES);
  const okReturnType = readType(reader);
  return { sourceName, params, visibility, okReturnType, errReturnType: readType(reader) };
}

function readProcedure(reader: BsatnReader): RawProcedureDef {
  const sourceName = reader.string();
  const params = readNamedTypes(reader);
  const returnType = readType(reader);
  return { sourceName, params, returnType, visibility: readChoice(reader, 'visibility', VISIBILITIES) };
}

function readView(reader: BsatnReader): RawViewDef {
  const sourceName = reader.string();
  const index = reader.u32();
  const isPublic = reader.bool();
  const isAnonymous = reader.bool();
  const params = readNamedTypes(reader);
  return { sourceName, index, isPublic, isAnonymous, params, returnType: readType(reader) };
}

function readSchedule(reader: BsatnReader): RawScheduleDef {
  readOption(reader, readString);
  return { tableName: reader.string(), atColumn: reader.u16(), functionName: reader.string() };
}

function readLifecycle(reader: BsatnReader): RawLifecycleDef {
  const lifecycle = readChoice(reader, 'lifecycle', ['init', 'connect', 'disconnect'] as const);
  return { lifecycle, functionName: reader.string() };
}

function readExplicitName(reader: BsatnReader): RawExplicitName {
  const kind = readChoice(reader, 'explicit name', ['table', 'function', 'index'] as const);
  return { kind, sourceName: reader.string(), canonicalName: reader.string() };
}

/** The methods of HTTP that the interface has numbers for, in the order of these; others go by their name. */
export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;

function readHttpRoute(reader: BsatnReader): RawHttpRoute {
  const handlerFunction = reader.string();
  const isAny = readTag(reader, 'route method', 2) === 0;
  const method = isAny ? undefined : readHttpMethod(reader);
  return { handlerFunction, method, path: reader.string() };
}

function readHttpMethod(reader: BsatnReader): string {
  return HTTP_METHODS[readTag(reader, 'HTTP method', HTTP_METHODS.length + 1)] ?? reader.string();
}

function readViewPrimaryKey(reader: BsatnReader): RawViewPrimaryKey {
  return { viewSourceName: reader.string(), columns: readArray(reader, readString) };
}

function readSubmodule(reader: BsatnReader, depth: number): RawSubmodule {
  return { namespace: reader.string(), module: readSections(reader, depth) };
}
