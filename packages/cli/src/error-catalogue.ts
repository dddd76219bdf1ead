import type { CliErrorCode } from './errors.ts';

/** What somebody needs to know who meets an error of the command line; one that is missing does not compile. */
export const CLI_ERRORS: Readonly<Record<CliErrorCode, { readonly when: string; readonly do: string }>> = {
  'cli/usage': { when: 'The command was not called as it must be.', do: 'See `inner-universe --help`. Exit code 2.' },
  'cli/not-found': { when: 'What was asked for is not there.', do: 'See the message; `status` lists what there is.' },
  'cli/interrupted': { when: 'The command was interrupted before it was done. Exit code 130.', do: 'Run it again.' },
  'cli/port-taken': { when: 'Another program listens on the port.', do: 'Stop it, or give another: `--port 0`.' },
  'cli/not-confirmed': {
    when: 'Something needs a yes, and nobody said it; nothing was changed.',
    do: 'Allow it with `--yes`, or the option the message names.',
  },
  'cli/migrations-pending': {
    when: 'Migrations are still to be applied, and `--check` was asked for. Exit code 1.',
    do: 'Run `inner-universe migrate apply`.',
  },
  'bindings/outdated': { when: 'The file of bindings is not what the module gives now.', do: 'Generate it again.' },
  'publish/refused': {
    when: 'The module cannot take over the data; nothing was changed.',
    do: 'Change the module, or let go of the data.',
  },
  'publish/no-token': { when: 'Publishing needs a token, and none was found.', do: 'Give one as the message says.' },
  'git/not-installed': { when: 'There is no program git.', do: 'Install it, or put it on the PATH.' },
  'git/not-a-repository': { when: 'The folder is in no git repository.', do: 'Name a folder of one.' },
  'git/unknown-ref': { when: 'The repository has no such commit.', do: 'List what there is: `git branch --all`.' },
  'git/failed': { when: 'git failed; the message has what it said.', do: 'See the message.' },
  'git/unreadable-output': { when: 'The output of git ended too early.', do: 'Run the import again.' },
  'git/history-changed': {
    when: 'What git shows is not what was imported.',
    do: 'Check repository and universe before importing more.',
  },
};
