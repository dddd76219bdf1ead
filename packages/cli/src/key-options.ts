import type { Command } from 'commander';
import { CA_VARIABLE, STORAGE_KEY_VARIABLE } from './key-files.ts';

/** Options of commands that open a data directory. */
export function addStorageKey(command: Command): Command {
  return command
    .option(
      '--storage-key-file <file>',
      `32 bytes as base64 or hex, which encrypt the data directory (default: $${STORAGE_KEY_VARIABLE})`,
    )
    .option(
      '--previous-storage-key-file <file>',
      'the key before that, to exchange it; can be given several times',
      (file: string, others: readonly string[] | undefined) => [...(others ?? []), file],
    );
}

/** Options of commands that serve. */
export function addTls(command: Command): Command {
  return command
    .option('--tls-cert <file>', 'serve over TLS, with this certificate (PEM, with those between it and its root)')
    .option('--tls-key <file>', 'the key of the certificate, PEM');
}

/** The option of commands that speak to a server. */
export function addCaFile(command: Command): Command {
  return command.option(
    '--ca-file <file>',
    `certificates of who vouches for the server, PEM (default: $${CA_VARIABLE})`,
  );
}
