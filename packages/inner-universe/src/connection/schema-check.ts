import { CODE_VERSION, OLDEST_MODULE, type SchemaVersionRow } from '@inner-universe/module/wire';
import { ConnectionError } from '../errors.ts';
import { MISFIT } from './sdk-socket.ts';
import type { CallOptions, Connection } from './connection.ts';

/** The schema that the module of a database has, and that its data have. */
export type SchemaFacts = Pick<SchemaVersionRow, 'codeVersion' | 'dataVersion' | 'release'>;

/**
 * Checks that this client and the module understand each other. Runs on every new connection before anything else is
 * subscribed: the SDK's process dies on a row that does not match its bindings, and only the layout of
 * `schema_version` is certain for ever.
 * Gives what is there, which may be older or newer than here within what both can use.
 * @throws {ConnectionError} `connection/schema-mismatch`, saying which side is older.
 */
export async function checkSchema(
  connection: Connection,
  database: string,
  call: CallOptions = {},
): Promise<SchemaFacts> {
  let row: SchemaVersionRow | undefined;
  try {
    const request = { queries: ['SELECT * FROM schema_version'], tables: [], onChange: () => undefined };
    await connection.subscribe(request, call);
    row = connection.rows('schemaVersion')[0] as SchemaVersionRow | undefined;
  } catch (cause) {
    call.signal?.throwIfAborted();
    if (cause instanceof ConnectionError && !isMisfit(cause)) throw cause;
    throw makeMismatch(
      `Database '${database}' is not an Inner Universe: it has no table 'schema_version' that could be read. Give the name of one that is.`,
      {},
      cause,
    );
  }
  if (row === undefined)
    throw makeMismatch(`Database '${database}' has no schema version: it was never initialised.`, {});
  const details = {
    codeVersion: row.codeVersion,
    dataVersion: row.dataVersion,
    clientVersion: CODE_VERSION,
    release: row.release,
  };
  if (row.oldestClient > CODE_VERSION) {
    throw makeMismatch(
      `The module of database '${database}' (release ${row.release}, schema ${row.codeVersion}) needs a client of schema ` +
        `${row.oldestClient} or newer; this one has ${CODE_VERSION}. Update the package 'inner-universe'.`,
      details,
    );
  }
  if (row.codeVersion < OLDEST_MODULE) {
    throw makeMismatch(
      `The module of database '${database}' (release ${row.release}, schema ${row.codeVersion}) is older than what this client ` +
        `can use (schema ${OLDEST_MODULE}). Publish the current module there: its owner runs 'inner-universe publish'.`,
      details,
    );
  }
  const { codeVersion, dataVersion, release } = row;
  return { codeVersion, dataVersion, release };
}

/** Whether a connection ended because what came could not be read: some other module has a table of that name. */
function isMisfit(error: ConnectionError): boolean {
  return error.code === 'connection/lost' && error.cause instanceof Error && error.cause.message.startsWith(MISFIT);
}

function makeMismatch(message: string, details: Readonly<Record<string, unknown>>, cause?: unknown): ConnectionError {
  return new ConnectionError('connection/schema-mismatch', message, { details, cause });
}
