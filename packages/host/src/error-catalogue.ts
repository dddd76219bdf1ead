import type { HostErrorCode } from './errors.ts';

/** What somebody needs to know who meets an error of the host. */
export interface HostErrorEntry {
  /** Its class, where that is not `HostError` itself. */
  readonly class?: string | undefined;
  /** What has happened. */
  readonly when: string;
  /** What helps. */
  readonly do: string;
  /** Whether the same call may succeed later unchanged: what `retryable` of the error says. Default no. */
  readonly retryable?: true | undefined;
}

/** Every code of the host; one that is missing does not compile. */
export const HOST_ERRORS: Readonly<Record<HostErrorCode, HostErrorEntry>> = {
  'bsatn/malformed': {
    class: 'BsatnError',
    when: 'Bytes are not BSATN of the type that is expected.',
    do: 'Send what the bindings encode; generate them again if the module changed.',
  },
  'bsatn/unencodable': {
    class: 'UnencodableError',
    when: 'A value does not fit the type it is to be encoded as.',
    do: 'Correct the value the message names.',
  },
  'schema/invalid': {
    class: 'SchemaError',
    when: 'The definition of the module breaks rules; the message lists each.',
    do: 'Correct the module.',
  },
  'schema/unsupported': {
    class: 'SchemaError',
    when: 'The module uses what this host has not.',
    do: 'Leave it out, or run the module on SpacetimeDB.',
  },
  'datastore/not-in-transaction': {
    class: 'DatastoreError',
    when: 'The module used tables outside of a transaction.',
    do: 'Use them within a reducer, or `ctx.withTx`.',
  },
  'datastore/decode-failed': {
    class: 'DatastoreError',
    when: 'The module gave bytes that are no row or key of the table.',
    do: 'Build the module again with the SDK it was made for.',
  },
  'datastore/no-such-table': {
    class: 'DatastoreError',
    when: 'The module asked for a table that is not there.',
    do: 'Build and publish the module again.',
  },
  'datastore/no-such-index': {
    class: 'DatastoreError',
    when: 'The module asked for an index that is not there.',
    do: 'Build and publish the module again.',
  },
  'datastore/range-unsupported': {
    class: 'DatastoreError',
    when: 'A hash index was asked for a range.',
    do: 'Make it a B-tree index, or look for single values.',
  },
  'datastore/unique-violation': {
    class: 'DatastoreError',
    when: 'A row was inserted whose unique value another row has.',
    do: 'Update that row, or choose another value.',
  },
  'datastore/schedule-delay-too-long': {
    class: 'DatastoreError',
    when: 'A call was scheduled further in the future than can be.',
    do: 'Schedule it nearer, and again from there.',
  },
  'datastore/index-not-unique': {
    class: 'DatastoreError',
    when: 'An index that is not unique was used as if it were.',
    do: 'Make the column unique, or filter.',
  },
  'datastore/no-such-row': {
    class: 'DatastoreError',
    when: 'A row was to be updated that is not there.',
    do: 'Look it up first; another call may have deleted it.',
  },
  'datastore/malformed-row': {
    class: 'MalformedRowError',
    when: 'The module gave a row that does not fit its table.',
    do: 'Build the module again with the SDK it was made for.',
  },
  'datastore/read-only': {
    class: 'DatastoreError',
    when: 'Something was to be written where only reading is allowed, such as in a view.',
    do: 'Write in a reducer.',
  },
  'datastore/constraint-unmet': {
    class: 'ReplayError',
    when: 'Stored rows do not fit their table.',
    do: 'Restore the database from a backup, or read it out with `salvage`.',
  },
  'storage/corrupt': {
    class: 'StorageError',
    when: 'Files are not what was written; nothing was changed.',
    do: 'Restore a backup, or read out what is sound with `salvage`.',
  },
  'storage/write-failed': {
    class: 'StorageError',
    when: 'The disk took no more: what was acknowledged is safe, what was not may be lost.',
    do: 'Make room or mend the disk, and open the database again.',
  },
  'storage/read-failed': {
    class: 'StorageError',
    when: 'A file could not be read.',
    do: 'Check the disk and the rights.',
  },
  'storage/in-use': {
    class: 'StorageError',
    when: 'Another process uses the directory; the message says which.',
    do: 'Connect to that one, or stop it.',
    retryable: true,
  },
  'storage/overloaded': {
    class: 'StorageError',
    when: 'More waits to be written than may.',
    do: 'Try again later.',
    retryable: true,
  },
  'storage/newer-version': {
    class: 'StorageError',
    when: 'Files were written by a newer release.',
    do: 'Open them with that one.',
  },
  'storage/not-a-database': {
    class: 'StorageError',
    when: 'The directory holds no database.',
    do: 'Give the right path.',
  },
  'storage/closed': { class: 'StorageError', when: 'The storage is closed.', do: 'Open the database again.' },
  'storage/record-too-large': {
    class: 'StorageError',
    when: 'A transaction changed more than one record may hold.',
    do: 'Split it into several calls.',
  },
  'storage/not-authentic': {
    class: 'StorageError',
    when: 'Encrypted files were changed, or come from elsewhere; nothing was changed.',
    do: 'Restore the directory, with its key file, from one backup.',
  },
  'salvage/no-program': {
    when: 'Nothing that is left says which tables there are.',
    do: 'Give the bundle that was published (`--module`).',
  },
  'sats-json/malformed': { class: 'SatsJsonError', when: 'A text is not JSON.', do: 'Correct it.' },
  'sats-json/mismatch': {
    class: 'SatsJsonError',
    when: 'JSON does not fit the type that is expected; the message says where.',
    do: 'Correct the value there.',
  },
  'sats-json/limit': { class: 'SatsJsonError', when: 'JSON nests too deep.', do: 'Flatten it.' },
  'query/invalid': { class: 'QueryError', when: 'A query is wrong.', do: 'Correct what the message names.' },
  'query/unsupported': {
    class: 'QueryError',
    when: 'A query uses what is not supported here.',
    do: 'Write it otherwise, as the message says.',
  },
  'query/limit': { class: 'QueryError', when: 'A query costs more than one may.', do: 'Ask for less.' },
  'subscription/duplicate': {
    when: 'A client used the id of a query set twice.',
    do: 'Use a fresh id; the SDK does.',
  },
  'subscription/not-found': {
    when: 'A client ended a subscription that is not there.',
    do: 'Nothing: it has ended already.',
  },
  'view/failed': { class: 'ViewError', when: "A view's code failed.", do: 'Mend the view; the message names it.' },
  'module/not-found': {
    when: 'The file of the module cannot be read.',
    do: 'Give the path of its entry file or bundle.',
  },
  'module/bundle-failed': { when: 'The module could not be bundled; the message lists why.', do: 'Mend its code.' },
  'module/load-failed': { when: 'The code of the module failed when it was loaded.', do: 'Mend its code.' },
  'module/unsupported': {
    when: 'The module asks for an interface that this host has not.',
    do: 'Build it with the npm package `spacetimedb` 2.0 or newer.',
  },
  'module/call-failed': { when: 'A call of the module failed by itself.', do: "See the module's log." },
  'module/timeout': {
    when: 'A call took longer than it may, and was ended.',
    do: 'Do less in one call, or raise `callTimeLimitMs`.',
  },
  'outbound-http/failed': {
    when: 'An HTTP request of the module failed, or goes where it may not.',
    do: 'See the message; which addresses are allowed is `outboundHttp`.',
  },
  'database/closed': { when: 'The database is closed.', do: 'Open it again.' },
  'database/in-thread': {
    when: 'A database in a worker thread was to be used directly.',
    do: 'Ask it by the methods of `database`.',
  },
  'database/overloaded': {
    when: 'Too many requests to a database in a thread wait for their answer.',
    do: 'Try again later.',
    retryable: true,
  },
  'database/stopped': {
    when: 'The database does not run any more; the message says why.',
    do: 'Publish to it, or open the host again.',
  },
  'database/thread-ended': {
    when: 'The thread of the database ended; whether the last call was applied is not known.',
    do: 'Ask again.',
    retryable: true,
  },
  'database/read-only': {
    when: 'Its storage failed: reads go on, writes are refused.',
    do: 'Make room or mend the disk, and open the host again.',
  },
  'database/busy': {
    when: 'Another program takes over just now.',
    do: 'Try again when that is done.',
    retryable: true,
  },
  'database/corrupt': {
    when: 'What is stored makes no sense; nothing was changed.',
    do: 'Restore a backup, or read out what is sound with `salvage`.',
  },
  'database/init-failed': { when: "The module's `init` failed; the database was not made.", do: 'Mend it.' },
  'database/migration-refused': {
    when: 'No migration leads from the running module to this one; `details.refusals` says why.',
    do: 'Change the module as they say, or let go of the data.',
  },
  'database/breaks-clients': {
    when: 'Publishing would disconnect clients.',
    do: 'Allow it (`break-clients`), or keep to compatible changes.',
  },
  'database/plan-outdated': {
    when: 'The database changed since the plan was shown.',
    do: 'Look at the plan again.',
  },
  'database/no-program': { when: 'The database is empty.', do: 'Give the program it is to run.' },
  'database/newer-version': {
    when: 'The database was written by a newer release.',
    do: 'Open it with that one, or a later one.',
  },
  'host/closed': { when: 'The host is closed.', do: 'Open it again.' },
  'host/database-not-found': { when: 'There is no database of that name.', do: 'The message lists those there are.' },
  'host/database-exists': {
    when: 'There is a database of that name.',
    do: 'Publish to it, or delete it first.',
  },
  'host/invalid-name': {
    when: 'A text is no name of a database.',
    do: 'Use lower-case letters, digits and single dashes.',
  },
  'host/name-taken': { when: 'Another database has that name.', do: 'Choose another.' },
  'host/names-damaged': { when: 'The file of names is damaged.', do: 'Restore it from a backup.' },
  'host/database-locked': { when: 'The database is locked.', do: 'Unlock it first.' },
  'host/not-a-host': {
    when: 'The directory is not that of a host, or none was given.',
    do: 'Give the right path, or `memory: true`.',
  },
  'host/credentials-missing': {
    when: 'Keys of the host are missing.',
    do: 'Restore the folder `credentials` from the backup.',
  },
  'host/newer-version': { when: 'The directory was written by a newer release.', do: 'Open it with that one.' },
  'host/key-required': { when: 'The directory is encrypted.', do: 'Give its storage key.' },
  'host/wrong-key': {
    when: 'The storage key is not the one of the directory.',
    do: 'Give the right one; after an exchange, the one before under `previousKeys`.',
  },
  'host/key-damaged': {
    when: 'The file with the wrapped keys is damaged.',
    do: 'Restore it from a backup: without it the data cannot be read.',
  },
  'host/already-serving': { when: 'The host is served already.', do: 'Close that server first.' },
  'host/invalid-option': { when: 'An option of the host is not as it must be.', do: 'Correct what the message names.' },
  'host/not-serving': { when: 'The host is not served.', do: 'Call `serve` first.' },
  'protocol/malformed': {
    when: 'A client sent a message that is none.',
    do: 'Use an SDK of the protocol that was agreed on.',
  },
  'protocol/limit': { when: 'A message of a client asks for more than one may.', do: 'Split it.' },
  'session/closed': { when: 'The session has ended.', do: 'Connect again.' },
  'session/limit': { when: 'A client has more under way than it may.', do: 'Wait for answers.' },
  'identity/invalid-token': { when: 'The token is not valid, or not any more.', do: 'Give a valid one.' },
  'identity/invalid-key': {
    when: "The host's signing key is unusable.",
    do: 'Restore it from a backup; a new one would make every token invalid.',
  },
  'identity/unknown-issuer': {
    when: 'The token is of an issuer that is not trusted here.',
    do: "Name the issuer in `trustedIssuers`, or give a token of this host's.",
  },
  'identity/invalid-issuer': { when: 'A trusted issuer cannot be used as it is said.', do: 'Correct the option.' },
  'identity/issuer-unavailable': {
    when: "The issuer's keys cannot be had at the moment.",
    do: 'Try again later.',
    retryable: true,
  },
  'identity/forbidden': { when: 'The identity may not do this.', do: 'Use a token of who may.' },
  'identity/token-required': { when: 'This is for known identities only.', do: 'Send a token.' },
  'server/address-in-use': { when: 'Something else listens on the port.', do: 'Stop it, or choose another port.' },
  'server/listen-failed': { when: 'The address cannot be listened on.', do: 'Correct it, or the rights.' },
  'server/bad-request': { when: 'An HTTP request is not as it must be.', do: 'Correct what the message names.' },
  'server/unsupported-media-type': { when: 'The body is not of the type this takes.', do: 'Send JSON as such.' },
  'server/body-too-large': { when: 'The body is larger than this takes.', do: 'Send less, or raise the limit.' },
  'server/overloaded': { when: 'Too many uploads at once.', do: 'Try again later.', retryable: true },
  'server/closed': { when: 'The server is shutting down.', do: 'Connect again when it is back.' },
};
