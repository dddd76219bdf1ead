import type { AlgebraicType, AlgebraicValue } from '../bsatn/algebraic-type.ts';
import { compileCodec, type Codec } from '../bsatn/codec.ts';
import { BsatnReader } from '../bsatn/reader.ts';
import { BsatnWriter } from '../bsatn/writer.ts';
import { parseJson } from '../sats-json/parse-json.ts';
import { compileJsonReader, type JsonReader } from '../sats-json/read-value.ts';
import { compileJsonWriter, type JsonWriter } from '../sats-json/write-value.ts';
import type { ModuleDef, ParamDef, ProcedureDef, ReducerDef } from '../schema/module-def.ts';

/** A function of a module that somebody may call over HTTP, or a lifecycle reducer, which nobody may. */
export type NamedFunction =
  | { readonly type: 'reducer'; readonly def: ReducerDef }
  | { readonly type: 'procedure'; readonly def: ProcedureDef };

/** Finds a function by its canonical name: reducers first. Private ones are there for the owner alone. */
export function tryFindFunction(def: ModuleDef, name: string, isOwner: boolean): NamedFunction | undefined {
  const reducer = def.reducers.find((candidate) => candidate.name === name);
  // That a lifecycle reducer cannot be called is no secret.
  if (reducer !== undefined && (reducer.lifecycle !== undefined || isOwner || reducer.visibility !== 'private')) {
    return { type: 'reducer', def: reducer };
  }
  const procedure = def.procedures.find((candidate) => candidate.name === name);
  if (procedure === undefined || !(isOwner || procedure.visibility !== 'private')) return undefined;
  return { type: 'procedure', def: procedure };
}

/** Compiled readers and writers, as long as the definitions that they belong to. */
const argumentReaders = new WeakMap<readonly ParamDef[], { readonly read: JsonReader; readonly codec: Codec }>();
const resultWriters = new WeakMap<ProcedureDef, { readonly codec: Codec; readonly write: JsonWriter }>();

/**
 * Turns the JSON of a call's arguments into BSATN: an array in the order of the parameters, or an object by their names.
 * @throws {SatsJsonError}
 */
export function encodeArguments(params: readonly ParamDef[], json: string): Uint8Array {
  let compiled = argumentReaders.get(params);
  if (compiled === undefined) {
    const type: AlgebraicType = { type: 'product', elements: params };
    compiled = { read: compileJsonReader(type), codec: compileCodec(type) };
    argumentReaders.set(params, compiled);
  }
  const values: AlgebraicValue = compiled.read(parseJson(json));
  const writer = new BsatnWriter();
  compiled.codec.encode(writer, values);
  return writer.toBytes();
}

/** The JSON of what a procedure returned, in the untyped style. */
export function returnValueToJson(procedure: ProcedureDef, bytes: Uint8Array): string {
  let compiled = resultWriters.get(procedure);
  if (compiled === undefined) {
    const { returnType } = procedure;
    compiled = { codec: compileCodec(returnType), write: compileJsonWriter(returnType, 'untyped') };
    resultWriters.set(procedure, compiled);
  }
  return compiled.write(compiled.codec.decode(new BsatnReader(bytes)));
}

const SUGGESTIONS_MAX = 3;

/** Longer names are compared by their beginning: comparing costs by the product of the lengths. */
const COMPARED_LENGTH_MAX = 64;

/** Names of functions that somebody may have meant, the most similar first. The names that the module's code uses help. */
export function suggestFunctions(def: ModuleDef, name: string, isOwner: boolean): readonly string[] {
  const callable = [...def.reducers.filter(({ lifecycle }) => lifecycle === undefined), ...def.procedures].filter(
    ({ visibility }) => isOwner || visibility !== 'private',
  );
  const distanceMax = Math.max(1, Math.floor(Math.min(name.length, COMPARED_LENGTH_MAX) / 3));
  return callable
    .map((candidate) => ({
      name: candidate.name,
      distance: candidate.accessor === name ? 0 : editDistance(simplified(name), simplified(candidate.name)),
    }))
    .filter(({ distance }) => distance <= distanceMax)
    .toSorted((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, SUGGESTIONS_MAX)
    .map((candidate) => candidate.name);
}

function simplified(name: string): string {
  return name.slice(0, COMPARED_LENGTH_MAX).toLowerCase().replaceAll(/[_-]/g, '');
}

/** Insertions, deletions and replacements of characters that lead from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let line = 1; line <= from.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (row[column - 1] ?? 0) + (from.charAt(line - 1) === to.charAt(column - 1) ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
