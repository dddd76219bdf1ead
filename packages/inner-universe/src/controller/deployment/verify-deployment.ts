import { identityHex } from '@inner-universe/module/wire';
import { systemClock, systemIds } from '@inner-universe/nerv';
import { InnerUniverseClient } from '../../client/inner-universe-client.ts';
import { NervPersistenceError } from '../../errors.ts';
import { systemWaiting } from '../../connection/system-waiting.ts';
import type { BuiltModule } from './build-module.ts';
import { namesOf } from './definition-names.ts';
import type { DeploymentTarget } from './deployment-target.ts';

/** What was read back, and is as it was published. */
export interface VerifiedDeployment {
  /** Of the database: 64 hexadecimal digits. */
  readonly identity: string;
  readonly owner: string;
  /**
   * `hash`: the server says that it runs this very bundle. `definition`: it says another hash, as SpacetimeDB does of a
   * database that was updated, and its tables and functions are those of the bundle.
   */
  readonly programBy: 'hash' | 'definition';
  readonly codeVersion: number;
  readonly dataVersion: number;
  readonly release: string;
  /** The last position of the log that was read. */
  readonly seq: bigint;
}

interface Published {
  readonly target: DeploymentTarget;
  readonly client: InnerUniverseClient | undefined;
  readonly built: BuiltModule;
  /** That of the database, as the publication said. */
  readonly identity: string;
}

/** A client of what was published, connected as its owner; that it connects proves that the schema fits. */
export function openDeployedClient(
  target: DeploymentTarget,
  onError: (error: unknown) => void,
  signal: AbortSignal | undefined,
): Promise<InnerUniverseClient> {
  const { connector, database } = target;
  const parts = { connector, database, clock: systemClock, ids: systemIds, waiting: systemWaiting, onError };
  return InnerUniverseClient.open(parts, { signal });
}

/**
 * Reads back what is there, over the management interface and as a client.
 * @throws {NervPersistenceError} `deployment/not-verified`, with all that is not as it was published
 */
export async function verifyDeployment({ target, client, built, identity }: Published): Promise<VerifiedDeployment> {
  const facts = await target.facts();
  const status = await client?.getSystemStatus();
  if (facts === undefined || client === undefined || status === undefined)
    throw makeNotVerified(target, ['it is not there']);
  const programBy = facts.programHash === built.hash ? 'hash' : 'definition';
  const owner = identityHex(status.owner);
  const faults: string[] = [];
  const expect = (what: string, found: unknown, published: unknown): void => {
    if (found !== published) faults.push(`${what} is ${String(found)}, not ${String(published)}`);
  };
  expect('its identity', facts.identity, identity);
  expect('the owner in its rows', owner, facts.owner);
  expect('the schema of its data', status.dataVersion, status.codeVersion);
  if (programBy === 'definition') {
    const [found, published] = [await target.definition(), namesOf(built.def)];
    const missing = published.filter((name) => !found.includes(name));
    const strange = found.filter((name) => !published.includes(name));
    if (missing.length > 0) faults.push(`it has no ${missing.slice(0, 3).join(', no ')}`);
    if (strange.length > 0) faults.push(`it has ${strange.slice(0, 3).join(', ')}, which the module has not`);
  }
  if (faults.length > 0) throw makeNotVerified(target, faults);
  const { codeVersion, dataVersion, release, seq } = status;
  return { identity, owner, programBy, codeVersion, dataVersion, release, seq };
}

function makeNotVerified({ description, database }: DeploymentTarget, faults: readonly string[]): NervPersistenceError {
  return new NervPersistenceError(
    'deployment/not-verified',
    `The module was published to '${database}' at ${description}, and what is there now is something else: ` +
      `${faults.join('; ')}. Did somebody publish at the same time? Deploy again.`,
    { details: { database, target: description, faults: [...faults] } },
  );
}
