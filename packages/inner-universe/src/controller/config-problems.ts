import { NervPersistenceError } from '../errors.ts';
import { CONFIG_FIELDS, type ConfigField } from './config-fields.ts';
import type { Placement } from './config.ts';
import { tryFindNearest } from './nearest-name.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** The field, as whoever wrote it knows it: an option, or an environment variable. */
  readonly field: string;
  /** What is wrong with it, beginning with a verb. */
  readonly fault: string;
}

/** How a field is called where it was written. */
export type FieldNaming = (field: string) => string;

/** The fields that say where a universe is, and the form each stands for. */
const FORMS: Readonly<Record<string, Placement['type']>> = { data: 'disk', memory: 'memory', server: 'server' };

/** The form that options ask for, and everything that is wrong with them. */
export function inspectOptions(
  options: Readonly<Record<string, unknown>>,
  nameOf: FieldNaming,
): { readonly form: Placement['type'] | undefined; readonly problems: readonly ConfigProblem[] } {
  const names = Object.keys(options).filter((name) => options[name] !== undefined);
  const given = names.filter((name) => Object.hasOwn(FORMS, name));
  const [first] = given;
  const form = first === undefined || given.length > 1 ? undefined : FORMS[first];
  const problems = names.flatMap((name) =>
    inspectField(name, options[name], form).map((fault) => ({ field: name, fault })),
  );
  if (options['token'] !== undefined && options['tokenFile'] !== undefined)
    problems.push({ field: 'tokenFile', fault: `is given together with ${nameOf('token')}: give one of them` });
  return { form, problems: problems.map(({ field, fault }) => ({ field: nameOf(field), fault })) };
}

/** The error of a configuration that says nothing, or more than one thing, about where the universe is. */
export function makeFormError(options: Readonly<Record<string, unknown>>, nameOf: FieldNaming): NervPersistenceError {
  const given = Object.keys(FORMS).filter((name) => options[name] !== undefined);
  const names = Object.keys(FORMS).map(nameOf);
  const isEnvironment = names[0] !== 'data';
  const choice = isEnvironment
    ? `one of ${names.join(', ')}`
    : 'one of { data: "./dir" }, { memory: true } and { server: "ws://…" }';
  return new NervPersistenceError(
    'config/invalid',
    `A universe takes exactly ${choice}${given.length === 0 ? '; none was given' : `, not ${given.map(nameOf).join(' and ')} together`}.`,
    { details: { given: given.map(nameOf) } },
  );
}

/** One error for all problems, with every field named. */
export function makeProblemsError(problems: readonly ConfigProblem[]): NervPersistenceError {
  const list = problems.map(({ field, fault }) => `${field} ${fault}`);
  const message =
    list.length === 1
      ? `The configuration is not right: ${list[0]}.`
      : `${list.length} things in the configuration are not right:\n${list.map((line) => `- ${line}`).join('\n')}`;
  return new NervPersistenceError('config/invalid', message, {
    details: { problems: problems.map((one) => ({ ...one })) },
  });
}

function inspectField(name: string, value: unknown, form: Placement['type'] | undefined): readonly string[] {
  if (!Object.hasOwn(CONFIG_FIELDS, name)) {
    const nearest = tryFindNearest(name, Object.keys(CONFIG_FIELDS));
    return [`is not a field${nearest === undefined ? '' : `: was '${nearest}' meant?`}`];
  }
  const field = (CONFIG_FIELDS as Readonly<Record<string, ConfigField>>)[name]; // its own key
  const fault = field?.faultOf(value);
  if (fault !== undefined) return [fault];
  if (form === undefined || field?.forms === undefined || field.forms.includes(form)) return [];
  return [`is for ${field.forms.map((one) => WHERE[one]).join(' or ')}, and this universe is ${WHERE[form]}`];
}

const WHERE: Readonly<Record<Placement['type'], string>> = {
  disk: 'on disk',
  memory: 'in memory',
  server: 'on a server',
};
