import type { MergeOptions, SnapshotPolicy } from '@inner-universe/nerv/temporal';
import type { ModuleClient } from '../client/client.ts';
import type { CallOptions } from '../connection/connection.ts';
import { CALL_OPTION_FORMS, checkOptions, type OptionForm } from '../controller/check-options.ts';
import type { Encryption } from '../encryption/encryption.ts';
import type { RecoveredCommits } from './recovered-commits.ts';
import type { OnConflict, SharedCommitOptions } from './state-commit.ts';
import type { VersionReader } from './version-reader.ts';

/** How a store is opened. */
export interface TemporalStoreOptions {
  /** The branch to check out; default `main`. */
  readonly branch?: string | undefined;
  /** The author of commits that name none; a label, never trusted. */
  readonly author?: string | undefined;
  /** Where its versions may be read from; default `main`. Fixed by the first version. */
  readonly scope?: string | undefined;
  /** What becomes of commits that somebody else's came before, unless they say; default `'rebase'`. */
  readonly onConflict?: OnConflict | undefined;
  /** Whether commits are shown here before they are recorded, unless they say; default false. */
  readonly optimistic?: boolean | undefined;
  /** When a version is stored with its whole state. Default: as soon as replaying its deltas costs as much as loading it. */
  readonly snapshots?: SnapshotPolicy | undefined;
}

/** How a store is opened, who may call that off, and how long it may take. */
export interface OpenStoreOptions extends TemporalStoreOptions, CallOptions {}

/** How a merge or a revert is made, who may call it off, and how long it may take. */
export interface SharedMergeOptions extends MergeOptions, CallOptions {}

/** A commit that is not recorded yet. */
export interface PendingCommit {
  readonly versionId: string;
  readonly branch: string;
  readonly description: string;
  /** Whether the state that is shown has it. False: it is not optimistic, or does not fit what others did. */
  readonly isShown: boolean;
  /** How often others came first. */
  readonly losses: number;
}

/** What a store is built on. */
export interface TemporalStoreParts {
  readonly client: ModuleClient;
  readonly reader: VersionReader;
  readonly name: string;
  readonly onError: (error: unknown) => void;
  /** Seals and opens fields of the state. */
  readonly encryption?: Encryption | undefined;
  /** Commits of an earlier process that lie in the outbox. */
  readonly recovered?: RecoveredCommits | undefined;
  /** Called once, when the store is closed. */
  readonly onClose?: (() => void) | undefined;
}

const CONFLICTS: readonly OnConflict[] = ['rebase', 'rerun', 'fail'];

const STORE_OPTIONS: Readonly<Record<keyof Required<OpenStoreOptions>, OptionForm>> = {
  branch: 'text',
  author: 'text',
  scope: 'text',
  onConflict: CONFLICTS,
  optimistic: 'boolean',
  snapshots: 'object',
  ...CALL_OPTION_FORMS,
};

const SNAPSHOT_OPTIONS: Readonly<Record<keyof Required<SnapshotPolicy>, OptionForm>> = {
  versions: 'number',
  bytes: 'number',
  replayCost: 'number',
};

/** What a commit takes. */
export const COMMIT_OPTIONS: Readonly<Record<keyof Required<SharedCommitOptions>, OptionForm>> = {
  description: 'text',
  author: 'text',
  branch: 'text',
  expectedHead: 'text',
  id: 'text',
  authoredAtMicros: 'bigint',
  onConflict: CONFLICTS,
  optimistic: 'boolean',
  ...CALL_OPTION_FORMS,
};

/** @throws {NervPersistenceError} `config/invalid` */
export function checkStoreOptions(options: OpenStoreOptions): void {
  checkOptions('a store', options, STORE_OPTIONS);
  checkOptions("a store's snapshots", options.snapshots, SNAPSHOT_OPTIONS);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkCommitOptions(options: SharedCommitOptions): void {
  checkOptions('a commit', options, COMMIT_OPTIONS);
}
