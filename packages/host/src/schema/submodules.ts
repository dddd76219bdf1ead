import type { Problems } from './problems.ts';
import type { RawModuleDef, RawSubmodule } from './raw-module-def.ts';
import { isIdentifier } from './names.ts';

/** Where a definition stands: the root, or a submodule of any depth. */
export interface ModulePlace {
  readonly raw: RawModuleDef;
  /** What stands before its names: empty for the root, `lib.` or `outer.inner.` for submodules. */
  readonly prefix: string;
  /** How many functions of each kind come before its own: the module's hooks count all of them through. */
  readonly before: FunctionCounts;
}

/** Numbers of functions, by the kinds that the module's hooks number apart. */
interface FunctionCounts {
  readonly reducers: number;
  readonly procedures: number;
  readonly anonymousViews: number;
  readonly senderViews: number;
}

const NAMESPACE_BYTES_MAX = 63;

const NO_FUNCTIONS: FunctionCounts = { reducers: 0, procedures: 0, anonymousViews: 0, senderViews: 0 };

/**
 * A definition with all its submodules, depth first: each before its own submodules, those before its siblings. Reports
 * namespaces that cannot be, and what a submodule must not have.
 */
export function placeSubmodules(raw: RawModuleDef, problems: Problems): readonly ModulePlace[] {
  const places: ModulePlace[] = [];
  let before = NO_FUNCTIONS;
  const visit = (module: RawModuleDef, prefix: string): void => {
    places.push({ raw: module, prefix, before });
    before = addFunctions(before, module);
    checkNamespaces(module.submodules, prefix, problems);
    for (const { namespace, module: inner } of module.submodules) visit(inner, `${prefix}${namespace}.`);
  };
  visit(raw, '');
  for (const { raw: module, prefix } of places.slice(1)) checkLifecycle(module, prefix, problems);
  return places;
}

/** The definition, among a root and its submodules, that holds a name of a validated module, and its name in there. */
export function findSource(
  raw: RawModuleDef,
  accessor: string,
): { readonly raw: RawModuleDef; readonly sourceName: string } | undefined {
  const path = accessor.split('.');
  const sourceName = path.pop() ?? accessor;
  let module: RawModuleDef | undefined = raw;
  for (const part of path) module = module?.submodules.find(({ namespace }) => namespace === part)?.module;
  return module === undefined ? undefined : { raw: module, sourceName };
}

function addFunctions(counts: FunctionCounts, { reducers, procedures, views }: RawModuleDef): FunctionCounts {
  const anonymous = views.filter(({ isAnonymous }) => isAnonymous).length;
  return {
    reducers: counts.reducers + reducers.length,
    procedures: counts.procedures + procedures.length,
    anonymousViews: counts.anonymousViews + anonymous,
    senderViews: counts.senderViews + views.length - anonymous,
  };
}

function checkNamespaces(submodules: readonly RawSubmodule[], prefix: string, problems: Problems): void {
  const seen = new Set<string>();
  for (const { namespace } of submodules) {
    const name = `namespace \`${prefix}${namespace}\``;
    if (!isIdentifier(namespace)) problems.add('IdentifierError', `${name} is not an identifier`);
    if (new TextEncoder().encode(namespace).length > NAMESPACE_BYTES_MAX) {
      problems.add('NamespaceTooLong', `${name} is longer than ${NAMESPACE_BYTES_MAX} bytes`);
    }
    if (seen.has(namespace)) problems.add('DuplicateName', `two submodules have the ${name}`);
    seen.add(namespace);
  }
}

function checkLifecycle({ lifecycleReducers }: RawModuleDef, prefix: string, problems: Problems): void {
  for (const { functionName, lifecycle } of lifecycleReducers) {
    problems.add(
      'LifecycleInSubmodule',
      `submodule \`${prefix.slice(0, -1)}\`: reducer \`${functionName}\` is for lifecycle event ${lifecycle}, which only the root module may have`,
    );
  }
}
