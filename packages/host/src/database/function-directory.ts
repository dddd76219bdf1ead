import { BsatnReader } from '../bsatn/reader.ts';
import { compileCodec, type Codec } from '../bsatn/codec.ts';
import type { AlgebraicType } from '../bsatn/algebraic-type.ts';
import { errorMessage } from '../errors.ts';
import type { ModuleDef, ParamDef, ProcedureDef, ReducerDef } from '../schema/module-def.ts';
import type { InternalFailureReason } from './calls.ts';

/** A function of the module with what checks its calls. */
export interface CallableFunction<Def> {
  readonly def: Def;
  readonly params: Codec;
}

/** Why a call is not let through. `log` holds lines for the module's log. */
export interface Refusal {
  readonly reason: InternalFailureReason;
  readonly message: string;
  readonly log: readonly string[];
}

/** Longest part of an unknown name that is logged. */
const LOGGED_NAME_LENGTH_MAX = 100;

/** Names of the lifecycle reducers as refusals spell them. */
const LIFECYCLE_NAMES = { init: 'Init', connect: 'OnConnect', disconnect: 'OnDisconnect' } as const;

/** The reducers and procedures of a module by canonical name, and who may call them with what. */
export class FunctionDirectory {
  readonly #owner: bigint;
  readonly #reducers: ReadonlyMap<string, CallableFunction<ReducerDef>>;
  readonly #procedures: ReadonlyMap<string, CallableFunction<ProcedureDef> & { readonly result: Codec }>;

  constructor(def: ModuleDef, owner: bigint) {
    this.#owner = owner;
    this.#reducers = new Map(
      def.reducers.map((reducer) => [reducer.name, { def: reducer, params: compileParams(reducer.params) }]),
    );
    this.#procedures = new Map(
      def.procedures.map((procedure) => [
        procedure.name,
        { def: procedure, params: compileParams(procedure.params), result: compileCodec(procedure.returnType) },
      ]),
    );
  }

  /** A reducer whoever calls it, for the host's own calls. */
  reducer(name: string): CallableFunction<ReducerDef> | undefined {
    return this.#reducers.get(name);
  }

  /** A procedure whoever calls it, for the host's own calls. */
  procedure(name: string): (CallableFunction<ProcedureDef> & { readonly result: Codec }) | undefined {
    return this.#procedures.get(name);
  }

  /** Lets a client's reducer call through, or says why not. */
  admitReducer(name: string, sender: bigint, args: Uint8Array): CallableFunction<ReducerDef> | Refusal {
    const found = this.#reducers.get(name);
    if (found === undefined) return unknown('reducer', name);
    const { lifecycle, visibility } = found.def;
    if (lifecycle !== undefined) {
      return {
        reason: 'unknown-function',
        message: `can't directly call special ${LIFECYCLE_NAMES[lifecycle]} lifecycle reducer`,
        log: [],
      };
    }
    if (visibility === 'private' && sender !== this.#owner) return unknown('reducer', name);
    return checkArgs(found.params, args, { kind: 'reducer', name }) ?? found;
  }

  /** Lets a client's procedure call through, or says why not. */
  admitProcedure(
    name: string,
    sender: bigint,
    args: Uint8Array,
  ): (CallableFunction<ProcedureDef> & { readonly result: Codec }) | Refusal {
    const found = this.#procedures.get(name);
    if (found === undefined) return unknown('procedure', name);
    if (found.def.visibility === 'private' && sender !== this.#owner) return unknown('procedure', name);
    return checkArgs(found.params, args, { kind: 'procedure', name }) ?? found;
  }
}

function compileParams(params: readonly ParamDef[]): Codec {
  const elements = params.map(({ name, algebraicType }) => ({ name, algebraicType }));
  const product: AlgebraicType = { type: 'product', elements };
  return compileCodec(product);
}

function unknown(kind: 'reducer' | 'procedure', name: string): Refusal {
  return {
    reason: 'unknown-function',
    message: kind === 'reducer' ? 'no such reducer' : 'No such procedure',
    log: [
      `External attempt to call nonexistent ${kind} "${shorten(name)}" failed. Have you run \`spacetime generate\` recently?`,
    ],
  };
}

/** A name that nobody has may be as long as a message; what is logged of it is not. */
function shorten(name: string): string {
  return name.length <= LOGGED_NAME_LENGTH_MAX ? name : `${name.slice(0, LOGGED_NAME_LENGTH_MAX)}…`;
}

/** Bytes after the arguments are let pass, as SpacetimeDB does. */
function checkArgs(
  params: Codec,
  args: Uint8Array,
  { kind, name }: { kind: string; name: string },
): Refusal | undefined {
  try {
    params.skip(new BsatnReader(args));
    return undefined;
  } catch (error) {
    const why = errorMessage(error);
    return {
      reason: 'invalid-arguments',
      message: `invalid arguments for ${kind} ${name}: ${why}`,
      log: [`External attempt to call ${kind} "${name}" failed, invalid arguments.`, why],
    };
  }
}
