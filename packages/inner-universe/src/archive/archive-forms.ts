import { CALL_OPTION_FORMS, type OptionForm } from '../controller/check-options.ts';
import type { ArchiveOptions } from './archive-events.ts';

/** The forms of the options of `archiveEvents`. */
export const ARCHIVE_FORMS: { readonly [Name in keyof Required<ArchiveOptions>]: OptionForm } = {
  ...CALL_OPTION_FORMS,
  limits: 'object',
  onProgress: 'function',
  segmentRows: 'count',
  segmentBytes: 'count',
  fileBytes: 'count',
};
