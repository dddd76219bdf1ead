import { HostError } from './errors.ts';
import type { HostedDatabase } from './hosted-database.ts';

/** @throws {HostError} `host/database-locked` */
export function assertUnlocked({ registration, name }: HostedDatabase, action: string): void {
  if (!registration.isLocked) return;
  throw new HostError({
    code: 'host/database-locked',
    message: `Database is locked and cannot be ${action}. Run \`spacetime unlock\` first.`,
    details: { name },
  });
}

/** There is no database of this name or identity. */
export function notFound(name: string): HostError {
  return new HostError({ code: 'host/database-not-found', message: `\`${name}\` not found`, details: { name } });
}

/** The name of a new database is taken. */
export function exists(name: string): HostError {
  return new HostError({
    code: 'host/database-exists',
    message: `there is a database "${name}" already; publish to it, or delete it first`,
    details: { name },
  });
}
