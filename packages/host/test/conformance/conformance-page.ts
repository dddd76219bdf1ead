import { readdirSync, readFileSync } from 'node:fs';
import { type Form, FORMS } from './forms.ts';

/** A rule as its file states it, and where it runs. */
interface StatedRule {
  readonly section: string;
  readonly text: string;
  readonly forms: readonly Form[];
}

/** Behind the parenthesis a string in either kind of quotes; behind that, up to the body, what else is said. */
const STATEMENT = /(?:^|\n)(section|plainSection| {2,4}rule)\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")([\s\S]*?)=>/g;

const WHERE: Readonly<Record<Form, string>> = {
  memory: 'in memory',
  disk: 'on disk',
  thread: 'in a thread',
  socket: 'over a socket',
};

/**
 * The page that lists every rule of the suite, read from the texts of its files. A rule that is written so that this does
 * not find it is missing on the page: texts are plain strings right behind the parenthesis.
 */
export function makeConformancePage(): string {
  const directory = new URL('.', import.meta.url);
  const files = readdirSync(directory).filter(
    (name) => name.endsWith('.test.ts') && name !== 'conformance-page.test.ts',
  );
  const rules = files.sort().flatMap((name) => readRules(readFileSync(new URL(name, directory), 'utf8')));
  const sections = [...new Set(rules.map(({ section }) => section))];
  return [
    '# Conformance',
    '',
    'What the suite in `test/conformance/` holds the host to. Each rule is one test body that runs in every form named:',
    'in memory (a test host), on disk, in a worker thread, and over real WebSockets; clients are the official SDK, or speak',
    'the protocol themselves where bytes matter. This page is made from the suite;',
    '`UPDATE=1 npx vitest run packages/host/test/conformance/conformance-page.test.ts` writes it anew.',
    '',
    `${rules.length} rules in ${sections.length} sections.`,
    ...sections.flatMap((section) => ['', ...describeSection(rules.filter((rule) => rule.section === section))]),
    '',
  ].join('\n');
}

function describeSection(rules: readonly StatedRule[]): string[] {
  const [first] = rules;
  if (first === undefined) return [];
  const where =
    first.forms.length === 0 ? 'No host is needed' : `Runs ${first.forms.map((form) => WHERE[form]).join(', ')}`;
  return [`## ${first.section}`, '', `${where}.`, '', ...rules.map(({ text }) => `- ${text.replaceAll('*', '\\*')}`)];
}

function readRules(file: string): StatedRule[] {
  const rules: StatedRule[] = [];
  let section = '';
  let forms: readonly Form[] = FORMS;
  for (const [, kind, quoted = '', rest = ''] of file.matchAll(STATEMENT)) {
    const text = quoted.slice(1, -1).replaceAll(/\\(['"])/g, '$1');
    if (kind?.endsWith('rule') === true) {
      rules.push({ section, text, forms });
      continue;
    }
    section = text;
    const chosen = /forms: \[([^\]]*)\]/.exec(rest)?.[1];
    if (kind === 'plainSection') forms = [];
    else forms = chosen === undefined ? FORMS : FORMS.filter((form) => chosen.includes(form));
  }
  return rules;
}
