import { NervError } from '@inner-universe/nerv';
import {
  isPlan,
  type AtOptions,
  type CompactionOptions,
  type LogFilter,
  type MergePlan,
  type StatePath,
  type VersionReference,
} from '@inner-universe/nerv/temporal';
import {
  CALL_OPTION_FORMS,
  checkOptions,
  isWellFormed,
  type OptionForm,
  type OptionForms,
} from '../controller/check-options.ts';
import { COMMIT_OPTIONS, type SharedMergeOptions } from './store-options.ts';

const AT_OPTIONS: Readonly<Record<keyof Required<AtOptions>, OptionForm>> = {
  branch: 'text',
  by: ['recorded', 'authored'],
};

const LOG_FILTER: Readonly<Record<keyof Required<LogFilter>, OptionForm>> = {
  from: 'any',
  branch: 'text',
  author: 'text',
  text: 'text',
  tag: 'text',
  path: 'text',
  authoredSince: 'date',
  authoredUntil: 'date',
  firstParent: 'boolean',
  limit: 'any',
};

const COMPACTION_OPTIONS: Readonly<Record<keyof Required<CompactionOptions>, OptionForm>> = {
  last: 'count',
  since: 'date',
  keep: 'function',
};

const { onConflict: _rebased, optimistic: _shown, ...MERGE_COMMIT_OPTIONS } = COMMIT_OPTIONS;
const MERGE_OPTIONS: Readonly<Record<keyof Required<SharedMergeOptions>, OptionForm>> = {
  ...MERGE_COMMIT_OPTIONS,
  strategy: ['field-wise', 'ours', 'theirs'],
  resolve: 'function',
  lists: 'any',
  fastForward: 'boolean',
  ...CALL_OPTION_FORMS,
};

/** @throws {NervPersistenceError} `config/invalid` */
export function checkAtOptions(options: AtOptions): void {
  checkOptions('a reference to a version', options, AT_OPTIONS);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkLogFilter(filter: LogFilter): void {
  checkOptions('log', filter, LOG_FILTER);
}

/** What is mistyped here would be history that is gone. @throws {NervPersistenceError} `config/invalid` */
export function checkCompactionOptions(options: CompactionOptions): void {
  checkOptions('compact', options, COMPACTION_OPTIONS);
}

/** @throws {NervPersistenceError} `config/invalid` */
export function checkMergeOptions(what: string, options: SharedMergeOptions): void {
  checkOptions(what, options, MERGE_OPTIONS satisfies OptionForms);
}

/**
 * Refuses what is no text, and half a surrogate pair, which has no UTF-8: the name of something else would be sent.
 * @throws {NervError} `state/invalid-argument`, `value/unsupported`
 */
export function checkName(what: string, name: unknown): string {
  if (typeof name !== 'string') {
    throw new NervError('state/invalid-argument', `${what} is ${show(name)}; it must be a text.`, {
      details: { given: show(name) },
    });
  }
  if (isWellFormed(name)) return name;
  throw new NervError('value/unsupported', `${what} ${JSON.stringify(name)} has half a surrogate pair.`, {
    details: { name: JSON.stringify(name) },
  });
}

/** Refuses what cannot name a version. @throws {NervError} `state/invalid-argument`, `value/unsupported` */
export function checkReference(reference: VersionReference): VersionReference {
  const given: unknown = reference;
  if (typeof given === 'string') checkName('The reference to a version', given);
  else if (typeof given !== 'number' && !(given instanceof Date)) {
    throw new NervError(
      'state/invalid-argument',
      `A version is named by its id, a tag, a branch, a date or a number of steps back, not by ${show(given)}.`,
      { details: { given: show(given) } },
    );
  }
  return reference;
}

/** Refuses what is neither a plan nor names a version. @throws as `checkReference` */
export function checkMergeSource(source: VersionReference | MergePlan): void {
  const given: unknown = source;
  const isObject = typeof given === 'object' && given !== null;
  if (!isObject || !isPlan(source)) checkReference(source as VersionReference); // it is no plan
}

/** Refuses what is no path into a state. @throws {NervError} `state/invalid-argument` */
export function checkPath(path: StatePath): void {
  const given: unknown = path;
  const isKey = (key: unknown): boolean => typeof key === 'string' || Number.isSafeInteger(key);
  if (typeof given === 'string' || (Array.isArray(given) && given.every(isKey))) return;
  throw new NervError('state/invalid-argument', `A place is a JSON pointer or a list of keys, not ${show(given)}.`, {
    details: { given: show(given) },
  });
}

function show(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
