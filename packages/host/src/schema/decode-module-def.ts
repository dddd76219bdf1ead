import type { RawModuleDef } from './raw-module-def.ts';
/** @throws {SchemaError | BsatnError} */
export declare function decodeRawModuleDef(bytes: Uint8Array): RawModuleDef;
