/*
 * Versions of the data of event types. Invariants:
 * - data of version v is brought to the newest declared version by the steps v+1, v+2, ... in order, each once;
 * - types without declared versions are read as they are, and published as version 1;
 * - a version that is newer than the newest declared one, or for which a step is missing, is an error, never a guess.
 */
import type { IncomingEvent } from '@inner-universe/nerv';
import { Sealed } from '@inner-universe/nerv/values';
import { NervPersistenceError } from '../errors.ts';

/** What an upcaster is told beside the data. */
export type UpcastEvent = Pick<IncomingEvent, 'id' | 'type' | 'timestamp' | 'source' | 'metadata' | 'seq'>;

/**
 * Makes data of one version out of data of the version before. It must change nothing it is given, and give the same
 * for the same.
 */
export type Upcaster = (data: never, event: UpcastEvent) => unknown;

/** The steps to each version of a type, by that version: `{ 2: (v1) => v2, 3: (v2) => v3 }`. None at all: version 1. */
export type UpcasterSteps = Readonly<Record<number, Upcaster>>;

/** The steps of event types. */
export type Upcasters = Readonly<Record<string, UpcasterSteps>>;

/**
 * Upcasters that the compiler checks against an event map: each step takes what the one before gives, and the last one
 * gives the type's data. At run time it gives back what it is given.
 */
export function defineUpcasters<M extends object>(): <U extends Upcasters>(
  upcasters: U & { readonly [T in keyof U]: Chain<U[T], T extends keyof M ? M[T] : unknown> },
) => U {
  return (upcasters) => upcasters;
}

/** What each step of a type must be. */
type Chain<S, Current> = {
  readonly [N in keyof S]: (
    data: Given<S, Before<N>>,
    event: UpcastEvent,
  ) => After<N> extends keyof S ? unknown : Current;
};

/** What the step to a version gives; anything where there is no such step. */
type Given<S, N> = N extends keyof S ? (S[N] extends (...args: never) => infer Result ? Result : never) : never;

type Before<N, Counted extends readonly unknown[] = []> = [...Counted, unknown]['length'] extends N
  ? Counted['length']
  : Counted['length'] extends VersionsChecked
    ? never
    : Before<N, [...Counted, unknown]>;

type After<N, Counted extends readonly unknown[] = []> = Counted['length'] extends N
  ? [...Counted, unknown]['length']
  : Counted['length'] extends VersionsChecked
    ? never
    : After<N, [...Counted, unknown]>;

/** Up to which version the compiler counts. */
type VersionsChecked = 200;

/** Versions as the module takes them. */
const VERSION_MAX = 0xffff_ffff;

interface TypeVersions {
  readonly newest: number;
  /** By the version that each leads to. */
  readonly steps: ReadonlyMap<number, Upcaster>;
}

/** The versions that are declared, checked and ready. */
export class EventUpcasting {
  readonly #types: ReadonlyMap<string, TypeVersions>;

  /** @throws {NervPersistenceError} `config/invalid`; `event/missing-upcaster` for a gap between two steps */
  constructor(upcasters: Upcasters = {}) {
    this.#types = new Map(Object.entries(upcasters).map(([type, steps]) => [type, readSteps(type, steps)]));
  }

  /** The version that data of a type is published with. */
  versionOf(type: string): number {
    return this.#types.get(type)?.newest ?? 1;
  }

  /** @internal Use `toCurrentEvent`. */
  upcast(event: IncomingEvent, typeVersion: number): IncomingEvent {
    const known = this.#types.get(event.type);
    if (known === undefined || typeVersion === known.newest || event.kind === 'system') return event;
    if (typeVersion > known.newest) throw newerVersion(event, typeVersion, known.newest);
    // Data whose key is not here, or was erased, stay what they are.
    if (event.data instanceof Sealed) return event;
    let { data } = event;
    for (let version = typeVersion + 1; version <= known.newest; version += 1) {
      const step = known.steps.get(version);
      if (step === undefined) throw missingStep(event.type, version, { id: event.id, typeVersion });
      data = runStep(step, { ...event, data }, version);
    }
    return { ...event, data };
  }
}

/**
 * The event with its data in the newest declared version. `typeVersion` is that of its row.
 * @throws {NervPersistenceError} `event/newer-version`, `event/missing-upcaster`, `event/upcast-failed`
 */
export function toCurrentEvent(
  event: IncomingEvent,
  typeVersion: number,
  upcasting: EventUpcasting | undefined,
): IncomingEvent {
  return upcasting === undefined ? event : upcasting.upcast(event, typeVersion);
}

function readSteps(type: string, given: UpcasterSteps): TypeVersions {
  const steps = new Map<number, Upcaster>();
  for (const [key, step] of Object.entries(given)) {
    const version = Number(key);
    if (!Number.isInteger(version) || version < 2 || version > VERSION_MAX || typeof step !== 'function') {
      throw new NervPersistenceError(
        'config/invalid',
        `The upcaster of '${type}' to version '${key}' is wrong: give a function under a whole number from 2.`,
        { details: { type, version: key } },
      );
    }
    steps.set(version, step);
  }
  const versions = [...steps.keys()].sort((left, right) => left - right);
  for (const [at, version] of versions.entries()) {
    const before = versions[at - 1];
    if (before !== undefined && version !== before + 1) throw missingStep(type, before + 1, { typeVersion: before });
  }
  return { newest: versions.at(-1) ?? 1, steps };
}

function runStep(step: Upcaster, event: IncomingEvent, version: number): unknown {
  const { data, ...about } = event;
  try {
    return step(data as never, about); // what this version's data are is the upcaster's to know
  } catch (cause) {
    const { id, type } = event;
    throw new NervPersistenceError(
      'event/upcast-failed',
      `The upcaster of '${type}' from version ${version - 1} to ${version} failed on event ${id}. Correct the upcaster.`,
      { details: { id, type, version }, cause },
    );
  }
}

function missingStep(
  type: string,
  version: number,
  { id, typeVersion }: { readonly id?: string | undefined; readonly typeVersion: number },
): NervPersistenceError {
  const what = id === undefined ? '' : `Event ${id} has data of version ${typeVersion}. `;
  return new NervPersistenceError(
    'event/missing-upcaster',
    `${what}There is no upcaster of '${type}' from version ${version - 1} to ${version}. Add that step.`,
    { details: { type, from: version - 1, to: version, ...(id === undefined ? {} : { id }) } },
  );
}

function newerVersion(event: IncomingEvent, typeVersion: number, known: number): NervPersistenceError {
  const { id, type, seq } = event;
  return new NervPersistenceError(
    'event/newer-version',
    `Event ${id} has data of version ${typeVersion} of '${type}'; this program knows up to version ${known}. Update it.`,
    { details: { id, type, typeVersion, known, ...(seq === undefined ? {} : { seq }) } },
  );
}
