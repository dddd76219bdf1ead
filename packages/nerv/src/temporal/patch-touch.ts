import type { JsonPatch } from './patch.ts';

/**
 * Whether a patch changes a place (a JSON pointer), something in it, or something that it lies in. `'perhaps'`: something
 * is put in or taken out beside it, which moves it if it lies in an array; only the states can tell.
 */
export function touches(patch: JsonPatch, pointer: string): 'surely' | 'perhaps' | 'none' {
  let touched: 'perhaps' | 'none' = 'none';
  for (const operation of patch) {
    if (operation.op === 'test') continue;
    const paths = 'from' in operation ? [operation.path, operation.from] : [operation.path];
    for (const path of paths) {
      if (isRelated(path, pointer)) return 'surely';
      if (
        operation.op !== 'replace' &&
        /\/(\d+|-)$/.test(path) &&
        isRelated(path.slice(0, path.lastIndexOf('/')), pointer)
      ) {
        touched = 'perhaps';
      }
    }
  }
  return touched;
}

function isRelated(a: string, b: string): boolean {
  return a === b || a === '' || b === '' || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
