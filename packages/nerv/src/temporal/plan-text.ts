import { NervError } from '../errors.ts';
import { parse } from '../values/decode.ts';
import { stringify } from '../values/encode.ts';
import { checkPatch } from './patch.ts';
import type { MergePlan } from './temporal-store.ts';

/** A merge plan as JSON text, without loss of what conflicts hold: to be reviewed, stored or sent. */
export function stringifyPlan(plan: MergePlan): string {
  return stringify(plan);
}

/** A merge plan from its text. @throws `state/invalid-argument`, `state/invalid-patch`, `value/malformed` */
export function parsePlan(text: string): MergePlan {
  const plan = asRecord(parse(text));
  const { type, branch, ours, theirs, source, base, bases, conflicts } = plan;
  if (type !== 'up-to-date' && type !== 'fast-forward' && type !== 'merge') return invalid('type');
  return {
    type,
    branch: asText(branch, 'branch'),
    ours: asText(ours, 'ours'),
    theirs: asText(theirs, 'theirs'),
    source: source === undefined ? undefined : asText(source, 'source'),
    base: base === undefined ? undefined : asText(base, 'base'),
    bases: asList(bases, 'bases').map((id) => asText(id, 'bases')),
    patch: checkPatch(plan['patch']),
    conflicts: asList(conflicts, 'conflicts').map((entry) => {
      const conflict = asRecord(entry);
      const { base: before, ours: our, theirs: their } = conflict;
      return {
        path: asText(conflict['path'], 'conflicts'),
        base: before,
        ours: our,
        theirs: their,
      };
    }),
  };
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return invalid('form');
  return value as Readonly<Record<string, unknown>>; // any object has members by name
}

function asText(value: unknown, member: string): string {
  return typeof value === 'string' ? value : invalid(member);
}

function asList(value: unknown, member: string): readonly unknown[] {
  return Array.isArray(value) ? value : invalid(member);
}

function invalid(member: string): never {
  throw new NervError(
    'state/invalid-argument',
    `The text is no merge plan: its ${member} is not what stringifyPlan writes.`,
    {
      details: { member },
    },
  );
}
