import type { SchemaProblem } from './schema-error.ts';
import { SchemaError } from './schema-error.ts';

/** Takes what is wrong. */
export interface ProblemReport {
  /** `rule` is the stable name of the rule that was broken. */
  add(rule: string, message: string): void;
}

/** Collects what is wrong with a definition, so that its author sees everything at once. */
export class Problems implements ProblemReport {
  readonly #byText = new Map<string, SchemaProblem>();

  add(rule: string, message: string): void {
    this.#byText.set(`${rule}: ${message}`, { rule, message });
  }

  /** The same collection, for the problems of a part; `where` stands before their messages. */
  within(where: string): ProblemReport {
    return { add: (rule, message) => this.add(rule, `${where}: ${message}`) };
  }

  get isEmpty(): boolean {
    return this.#byText.size === 0;
  }

  /** @throws {SchemaError} with every problem, sorted and each once, when there is one. */
  throwIfAny(): void {
    if (this.isEmpty) return;
    const texts = [...this.#byText.keys()].toSorted();
    throw new SchemaError(texts.map((text) => this.#byText.get(text)).filter((problem) => problem !== undefined));
  }
}
