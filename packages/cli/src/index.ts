export { importGit, type ImportOptions, type ImportProgress, type ImportResult } from './git/importer.ts';
export { GitRepository } from './git/repository.ts';
export { CliError, type CliErrorCode } from './errors.ts';
