import { errorMessage } from '../errors.ts';
import { decodeRawModuleDef } from '../schema/decode-module-def.ts';
import type { ModuleDef } from '../schema/module-def.ts';
import { validateModuleDef } from '../schema/validate.ts';
import type { LoadedProgram } from './realm-port.ts';
import {
  SystemCallError,
  SYSTEM_FUNCTION_NAMES,
  type SystemCallTarget,
  type SystemFunctions,
} from './system-functions.ts';

/** The definition of a loaded program, raw as the module gave it and validated. @throws as `describeModule` */
export function describeProgram(program: LoadedProgram): { readonly raw: Uint8Array; readonly def: ModuleDef } {
  const realm = program.instantiate(detachedTarget, { unhandledRejection: () => undefined });
  try {
    const raw = realm.describe();
    return { raw, def: validateModuleDef(decodeRawModuleDef(raw)) };
  } finally {
    realm.close();
  }
}

/** Answers a module that is only asked what it is: it may log, which goes nowhere, and nothing else. */
const detachedTarget: SystemCallTarget = {
  functions: makeDetachedFunctions(() => undefined),
  fault: (thrown) => ({ kind: 1, message: errorMessage(thrown), size: 0 }),
};

/** System calls as they are while a module is being loaded: all but logging is refused, which `onRefusal` is told. */
export function makeDetachedFunctions(onRefusal: () => void): SystemFunctions {
  const quiet = new Set<string>(['console_log', 'console_timer_start', 'console_timer_end', 'row_iter_bsatn_close']);
  const refuse = (): never => {
    onRefusal();
    throw new SystemCallError({ type: 'errno', errno: 1 }, 'cannot call this function during module initialization');
  };
  const entries = SYSTEM_FUNCTION_NAMES.map((name) => [name, quiet.has(name) ? () => 0 : refuse]);
  // Every name of the interface is there, and no function of it is called for its value.
  return Object.fromEntries(entries) as unknown as SystemFunctions;
}
