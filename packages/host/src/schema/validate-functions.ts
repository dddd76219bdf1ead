import type { NamedType } from '../bsatn/algebraic-type.ts';
import type { ModuleDef, ParamDef, ProcedureDef, ReducerDef } from './module-def.ts';
import type { RawProcedureDef, RawReducerDef } from './raw-module-def.ts';
import { isUnit } from './special-types.ts';
import type { ValidationContext } from './validation-context.ts';

/** The functions of a module. */
export type FunctionDefs = Pick<ModuleDef, 'reducers' | 'procedures' | 'lifecycle'>;

/** Checks reducers, procedures and the reducers that run at lifecycle events. Ids are positions in the definition. */
export function validateFunctions(context: ValidationContext): FunctionDefs {
  const { raw } = context;
  const lifecycles = validateLifecycles(context);
  const scheduled = new Set(raw.schedules.map(({ functionName }) => functionName));
  const reducers = raw.reducers.map((reducer, id) =>
    validateReducer(context, reducer, { id, lifecycle: lifecycles.get(reducer.sourceName), scheduled }),
  );
  const procedures = raw.procedures.map((procedure, id) => validateProcedure(context, procedure, { id, scheduled }));
  checkNames(context, [...reducers, ...procedures]);
  const lifecycle: Record<string, string> = {};
  for (const reducer of reducers) if (reducer.lifecycle !== undefined) lifecycle[reducer.lifecycle] = reducer.name;
  return { reducers, procedures, lifecycle };
}

function validateReducer(
  context: ValidationContext,
  raw: RawReducerDef,
  place: { readonly id: number; readonly lifecycle: ReducerDef['lifecycle']; readonly scheduled: ReadonlySet<string> },
): ReducerDef {
  const name = context.names.canonical('function', raw.sourceName);
  if (!isUnit(raw.okReturnType) || raw.errReturnType.type !== 'string') {
    context.problems.add('InvalidReducerReturnType', `reducer \`${name}\` must return nothing and fail with a string`);
  }
  const isInternal = place.lifecycle !== undefined || place.scheduled.has(raw.sourceName);
  return {
    id: place.id,
    name,
    accessor: raw.sourceName,
    params: validateParams(context, raw.params, `reducer \`${name}\``),
    visibility: isInternal ? 'private' : raw.visibility,
    lifecycle: place.lifecycle,
  };
}

function validateProcedure(
  context: ValidationContext,
  raw: RawProcedureDef,
  place: { readonly id: number; readonly scheduled: ReadonlySet<string> },
): ProcedureDef {
  const name = context.names.canonical('function', raw.sourceName);
  return {
    id: place.id,
    name,
    accessor: raw.sourceName,
    params: validateParams(context, raw.params, `procedure \`${name}\``),
    returnType: context.types.resolve(raw.returnType, `the result of procedure \`${name}\``),
    visibility: place.scheduled.has(raw.sourceName) ? 'private' : raw.visibility,
  };
}

function validateParams(context: ValidationContext, params: readonly NamedType[], where: string): ParamDef[] {
  const { names, problems, types } = context;
  return params.map(({ name, algebraicType }, position) => {
    if (name === undefined) problems.add('ClientCodegenError', `parameter ${position} of ${where} has no name`);
    return {
      name: name === undefined ? `arg_${position}` : names.identifier(names.snake(name)),
      algebraicType: types.resolve(algebraicType, `parameter \`${name ?? position}\` of ${where}`),
    };
  });
}

/** Which reducer runs at which event, by its source name. */
function validateLifecycles({ raw, problems }: ValidationContext): Map<string, ReducerDef['lifecycle']> {
  const bySourceName = new Map<string, ReducerDef['lifecycle']>();
  const taken = new Set<string>();
  for (const { lifecycle, functionName } of raw.lifecycleReducers) {
    if (taken.has(lifecycle)) problems.add('DuplicateLifecycle', `two reducers are for lifecycle event ${lifecycle}`);
    taken.add(lifecycle);
    if (!raw.reducers.some(({ sourceName }) => sourceName === functionName)) {
      problems.add(
        'LifecycleWithoutReducer',
        `there is no reducer \`${functionName}\` for lifecycle event ${lifecycle}`,
      );
    }
    bySourceName.set(functionName, lifecycle);
  }
  return bySourceName;
}

/** Reducers, procedures and views share one space of names. */
function checkNames(
  { raw, names, problems }: ValidationContext,
  functions: readonly { readonly name: string }[],
): void {
  const seen = new Set<string>();
  const viewNames = raw.views.map(({ sourceName }) => names.canonical('function', sourceName));
  for (const name of [...functions.map((definition) => definition.name), ...viewNames]) {
    if (seen.has(name)) problems.add('DuplicateFunctionName', `two functions are named \`${name}\``);
    seen.add(name);
  }
}
