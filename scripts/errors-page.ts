import { CLI_ERRORS } from '../packages/cli/src/error-catalogue.ts';
import { HOST_ERRORS } from '../packages/host/src/error-catalogue.ts';
import type { ErrorEntry } from '../packages/inner-universe/src/observability/error-catalogue/error-entry.ts';
import { NERV_ERRORS } from '../packages/inner-universe/src/observability/error-catalogue/nerv-errors.ts';
import {
  MOCK_ERRORS,
  PERSISTENCE_ERRORS,
} from '../packages/inner-universe/src/observability/error-catalogue/persistence-errors.ts';
import { REFUSALS } from '../packages/inner-universe/src/observability/error-catalogue/refusals.ts';
import { escapeCell, makeTable } from './markdown-table.ts';

/** The errors of one part, as the page shows them. */
interface Part {
  readonly title: string;
  readonly text: string;
  /** The class of errors that name none. */
  readonly class: string;
  readonly errors: Readonly<Record<string, ErrorEntry>>;
}

/** Every part of the catalogue, in the order of the page. */
export const PARTS: readonly Part[] = [
  {
    title: 'A universe',
    text: 'What `inner-universe` throws because there is a network, a disk, another process or encryption.',
    class: 'NervPersistenceError',
    errors: PERSISTENCE_ERRORS,
  },
  {
    title: 'Refusals of the module',
    text:
      'The module refused a request or a read: nothing of it was applied. `op` is the index of the refused op, `ids` ' +
      'what it is about. A client that had batched independent writes rejects the refused one and sends the others again. ' +
      'What is seen to be refused is not even sent; it is a `NervPersistenceError` of the same code then.',
    class: 'RefusedError',
    errors: REFUSALS,
  },
  {
    title: 'NERV',
    text: 'The same in memory and over a universe.',
    class: 'NervError',
    errors: NERV_ERRORS,
  },
  {
    title: 'The host',
    text:
      'What `@inner-universe/host` throws, in the process that runs it. Clients get them as HTTP statuses, as close ' +
      'codes, or as an error above, with the code in `details.hostCode`.',
    class: 'HostError',
    errors: HOST_ERRORS,
  },
  {
    title: 'The command line',
    text: 'What the command `inner-universe` prints, with exit code 1 unless it says otherwise.',
    class: 'CliError',
    errors: CLI_ERRORS,
  },
  { title: 'Mocks', text: 'Of `inner-universe/testing`.', class: 'MockError', errors: MOCK_ERRORS },
];

/** The page of all errors, as Markdown. */
export function makeErrorsPage(): string {
  return `${HEAD}\n${PARTS.map(makeSection).join('\n')}`;
}

const HEAD = `# Errors

<!-- Written by \`node scripts/generate-errors.mjs\` from the catalogues beside the code. -->

Every error that is thrown on purpose has a \`code\`. Callers may rely on \`code\` and \`details\` (plain data with the ids);
messages may change. \`retryable\` says whether the same call may succeed later unchanged. Mistakes of this software are
assertions and have no code.

<!-- given: universe -->

\`\`\`ts
import { NervError } from '@inner-universe/nerv';

try {
  await universe.events.publish('order.placed', { id: 1 });
} catch (error) {
  if (!(error instanceof NervError) || error.code !== 'permission/denied') throw error;
  console.error(error.message, error.details);
}
\`\`\`
`;

function makeSection({ title, text, class: usual, errors }: Part): string {
  const rows = Object.entries(errors).map(([code, entry]) => {
    const retryable = entry.retryable === true ? 'yes' : (entry.retryable ?? '');
    return [`\`${code}\``, `\`${entry.class ?? usual}\``, entry.when, entry.do, retryable].map(escapeCell);
  });
  return `## ${title}\n\n${text}\n\n${makeTable(['code', 'class', 'when', 'what to do', 'retryable'], rows)}`;
}
