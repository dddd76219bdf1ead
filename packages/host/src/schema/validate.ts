import type { ModuleDef } from './module-def.ts';
import type { RawModuleDef } from './raw-module-def.ts';

/** Gives tables and indexes their numbers; called in sorted order of canonical names. */
export interface IdAllocator {
  tableId(canonicalName: string): number;
  indexId(canonicalName: string): number;
}
/** Ids from 4097 up, in the order of the calls. */
export declare function makeSequentialIds(): IdAllocator;
/** @throws {SchemaError} listing everything that is wrong. */
export declare function validateModuleDef(raw: RawModuleDef, ids?: IdAllocator): ModuleDef;
