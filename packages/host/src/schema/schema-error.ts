import { HostError } from '../errors.ts';

/** One thing wrong with a module definition; `rule` is the stable name of the rule that was broken. */
export interface SchemaProblem {
  readonly rule: string;
  readonly message: string;
}

/** A module definition that the host refuses. Carries every problem found, sorted and each once. */
export class SchemaError extends HostError {
  readonly problems: readonly SchemaProblem[];

  constructor(problems: readonly SchemaProblem[], code: 'schema/invalid' | 'schema/unsupported' = 'schema/invalid') {
    const list = problems.map((problem) => `  - ${problem.rule}: ${problem.message}`).join('\n');
    super({
      code,
      message: `the module definition has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${list}`,
      details: { problems },
    });
    this.problems = problems;
  }
}
