import { toCamelCase, toPascalCase, toSnakeCase } from './case-conversion.ts';
import type { ProblemReport } from './problems.ts';
import type { RawExplicitName, RawModuleDef } from './raw-module-def.ts';

/** Turns source names into canonical ones, and watches over what is an identifier and who has which name. */
export class Names {
  readonly #problems: ProblemReport;
  readonly #converts: boolean;
  readonly #explicit = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  constructor(raw: RawModuleDef, problems: ProblemReport) {
    this.#problems = problems;
    this.#converts = raw.caseConversion === 'snake-case';
    for (const { kind, sourceName, canonicalName } of raw.explicitNames) {
      this.#explicit.set(`${kind} ${sourceName}`, canonicalName);
    }
  }

  /** Canonical name of a table or function: as the module's author set it, else converted. */
  canonical(kind: 'table' | 'function', sourceName: string): string {
    return this.identifier(this.explicit(kind, sourceName) ?? this.snake(sourceName));
  }

  /** The name that the module's author set, verbatim. */
  explicit(kind: RawExplicitName['kind'], sourceName: string): string | undefined {
    return this.#explicit.get(`${kind} ${sourceName}`);
  }

  /** Converted name of a column, field or parameter. */
  snake(sourceName: string): string {
    return this.#converts ? toSnakeCase(sourceName) : sourceName;
  }

  /** Converted name of a variant. */
  camel(sourceName: string): string {
    return this.#converts ? toCamelCase(sourceName) : sourceName;
  }

  /** Converted name of a type. */
  pascal(sourceName: string): string {
    return this.#converts ? toPascalCase(sourceName) : sourceName;
  }

  /** Gives the name back; reports it unless it is an identifier. */
  identifier(name: string): string {
    if (name === '') this.#problems.add('IdentifierError', 'a name is empty');
    else if (name.normalize('NFC') !== name)
      this.#problems.add('IdentifierError', `\`${name}\` is not in Unicode form NFC`);
    else if (!IDENTIFIER.test(name)) this.#problems.add('IdentifierError', `\`${name}\` is not an identifier`);
    return name;
  }

  /** Takes a name of the space that tables, indexes, constraints, sequences, schedules and views share. */
  claim(name: string, owner: string): void {
    const present = this.#owners.get(name);
    if (present === undefined) this.#owners.set(name, owner);
    else if (present !== owner) {
      const [first, second] = [present, owner].toSorted();
      this.#problems.add('DuplicateName', `\`${name}\` is the name of both ${first} and ${second}`);
    }
  }
}

/** Whether a text has the form of an identifier. */
export function isIdentifier(name: string): boolean {
  return name.normalize('NFC') === name && IDENTIFIER.test(name);
}

const IDENTIFIER = /^[\p{XID_Start}_]\p{XID_Continue}*$/u;
