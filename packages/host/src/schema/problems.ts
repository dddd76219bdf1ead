import type { SchemaProblem } from './schema-error.ts';
import { SchemaError } from './schema-error.ts';

/** Collects what is wrong with a definition, so that its author sees everything at once. */
export class Problems {
  readonly #byText = new Map<string, SchemaProblem>();

  add(rule: string, message: string): void {
    this.#byText.set(`${rule}: ${message}`, { rule, message });
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
