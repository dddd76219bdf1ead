import type { Names } from './names.ts';
import type { ProblemReport } from './problems.ts';
import type { RawModuleDef } from './raw-module-def.ts';
import type { Typespace } from './typespace.ts';

/** What every part of the validation works with. */
export interface ValidationContext {
  readonly raw: RawModuleDef;
  readonly names: Names;
  readonly problems: ProblemReport;
  readonly types: Typespace;
}
