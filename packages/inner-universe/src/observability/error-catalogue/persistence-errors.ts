import type { RefusalCode } from '@inner-universe/module/wire';
import type { PersistenceErrorCode } from '../../errors.ts';
import type { MockErrorCode } from '../../testing/mock-calls.ts';
import type { ErrorCatalogue } from './error-entry.ts';

/** What only persistence throws, beside the module's refusals. */
export const PERSISTENCE_ERRORS: ErrorCatalogue<Exclude<PersistenceErrorCode, RefusalCode> | 'connection/refused'> = {
  'config/invalid': {
    when: 'An option of `openUniverse` is not as it must be.',
    do: 'Correct the field the message names.',
  },
  'connection/unreachable': {
    class: 'ConnectionError',
    when: 'Nothing answers at the address.',
    do: 'Start a server there, or correct the address; it is tried again by itself once a universe is open.',
    retryable: true,
  },
  'connection/refused': {
    class: 'ConnectionError',
    when: 'The server closed the connection before it began: the identity has no grant, or nobody is let in now.',
    do: 'Ask the owner for a grant (`inner-universe grants add`), or give the right token.',
  },
  'connection/unauthorized': {
    class: 'ConnectionError',
    when: 'The server does not accept the token.',
    do: 'Give a valid one; of a host, its own tokens or those of an issuer that it trusts.',
  },
  'connection/no-such-database': {
    class: 'ConnectionError',
    when: 'The server has no database of that name.',
    do: 'Correct `database`, or publish the module to it.',
  },
  'connection/schema-mismatch': {
    class: 'ConnectionError',
    when: 'Client and module do not fit; the message says which is the older.',
    do: 'Upgrade that one.',
  },
  'connection/lost': {
    class: 'ConnectionError',
    when: 'The connection ended; a call that was on its way may have been applied.',
    do: 'Nothing, as a rule: it comes back by itself, and requests are sent again under their ids.',
    retryable: true,
  },
  'connection/closed': {
    class: 'ConnectionError',
    when: 'The connection was closed here.',
    do: 'Open the universe again.',
  },
  'connection/timeout': {
    class: 'ConnectionError',
    when: 'There was no answer in time; whether the call was applied is not known.',
    do: 'Send it again under the same request id.',
    retryable: true,
  },
  'connection/failed': {
    when: 'The call failed on the other side, with a text that is no refusal of the module.',
    do: "See the server's log.",
  },
  'connection/identity-changed': {
    class: 'ConnectionError',
    when: 'A new token is that of another identity than before.',
    do: 'Give tokens of one identity; open another universe for another.',
  },
  'connection/no-token': {
    class: 'ConnectionError',
    when: 'The function or file that gives tokens gave none.',
    do: 'Mend it; it is asked again at the next attempt.',
    retryable: true,
  },
  'connection/circuit-open': {
    class: 'ConnectionError',
    when: 'The calls before had no answer, so this one was not sent.',
    do: 'Call again after `details.retryAfterMs`.',
    retryable: true,
  },
  'connection/untrusted': {
    class: 'ConnectionError',
    when: "The server's certificate is not vouched for by anybody who is trusted here.",
    do: 'Give the right certificates (`tls.ca`), or correct the address.',
  },
  'server/unreachable': {
    when: "The server's HTTP interface does not answer.",
    do: 'Start it, or correct the address.',
    retryable: true,
  },
  'server/unauthorized': {
    when: 'The server does not accept the token, or there is none.',
    do: 'Give a valid one; a host of ours writes that of its owner beside its data.',
  },
  'server/forbidden': {
    when: 'The server does not allow it to this identity.',
    do: 'Use a token of the identity that owns the database.',
  },
  'server/no-such-database': {
    when: 'The server has no database of that name.',
    do: 'Correct the name, or publish to it first.',
  },
  'server/refused': { when: 'The server refused the request; the message has what it said.', do: 'See the message.' },
  'server/failed': {
    when: 'The server itself failed, or gave an answer that cannot be read.',
    do: "See the server's log; check that the address is that of a SpacetimeDB server.",
    retryable: 'sometimes',
  },
  'deployment/not-a-universe': {
    when: 'The module to deploy is no Inner Universe; nothing was published.',
    do: 'Give the module of this package, or one made from it; publish others with `inner-universe publish`.',
  },
  'deployment/refused': {
    when: 'The module cannot take over the data; nothing was changed.',
    do: "Change the module, or let go of the data: `allow: { deleteData: 'on-conflict' }`.",
  },
  'deployment/not-allowed': {
    when: 'The plan disconnects clients, which was not allowed; nothing was changed.',
    do: 'Allow it with `allow: { breakClients: true }`.',
  },
  'deployment/needs-migration': {
    when: 'The module was published, and stored rows have an older schema: writes are refused until they are migrated.',
    do: "Run `inner-universe migrate apply`, or deploy again without `migrate: 'manual'`.",
  },
  'deployment/not-verified': {
    when: 'What is there after publishing is not what was published.',
    do: 'Find out who published at the same time; deploy again.',
  },
  'migration/invalid': {
    when: 'A data migration is not as it must be, before anything was done.',
    do: 'Correct what the message names.',
  },
  'migration/changed': {
    when: 'A data migration that was begun, or is done, is defined otherwise now than it was then.',
    do: 'Define it, or finish it, as it was; make what is new a migration of its own.',
  },
  'migration/out-of-order': {
    when: 'A data migration that was never begun stands before one that is done.',
    do: "Put it behind; or, where their order does not matter, apply with outOfOrder: 'apply'.",
  },
  'migration/function-failed': {
    when: 'A function of a data migration threw, or gave what cannot be stored; the row or branch is named.',
    do: 'Correct the function and apply again: it goes on there.',
  },
  'migration/contended': {
    when: 'What a data migration changes was changed by others again and again meanwhile.',
    do: 'Apply again when less is written there: it goes on where it was.',
    retryable: true,
  },
  'migration/no-progress': {
    when: 'A migration of the module stays where it is, however many of its steps are taken.',
    do: 'Publish a module whose migration goes on; apply again.',
  },
  'universe/in-use': { when: 'Another process uses the directory.', do: 'Connect to that one, or stop it.' },
  'universe/not-a-universe': {
    when: 'The directory is something else.',
    do: 'Give the path of a universe, or of a folder that is empty or new.',
  },
  'universe/newer-version': { when: 'The directory was written by a newer release.', do: 'Open it with that one.' },
  'universe/corrupt': {
    when: 'Files are not what was written; nothing was changed.',
    do: 'Restore a backup, or read out what is sound: `inner-universe salvage`.',
  },
  'universe/key-required': {
    when: 'The directory is encrypted, and no storage key was given; nothing was changed.',
    do: 'Give `storageKey`, on the command line `--storage-key-file`.',
  },
  'universe/wrong-key': {
    when: 'The storage key is not the one of the directory; nothing was changed.',
    do: 'Give the right one; after an exchange, the one before it as a previous key.',
  },
  'universe/storage-failed': {
    when: 'The disk could not be written or read; reads go on, writes are refused.',
    do: 'Give it room and rights, and open the universe again.',
  },
  'universe/open-failed': { when: 'The universe could not be opened; the cause says why.', do: 'See the cause.' },
  'universe/closed': { when: 'The universe is closed.', do: 'Open it again.' },
  'graph/too-large': {
    when: 'More of the graph would be held here, looked at by a query, met by a walk or told of a history than the stated limit allows.',
    do: 'Load a smaller part, narrow the query, bound the walk, read the history by pages, or raise the limit.',
  },
  'page/gap': {
    when: 'Events were trimmed before they were read here. Handlers get them if the universe was opened with the archive that has them, and else not.',
    do: 'Open the universe with the archive; keep events longer, or mark a consumer to hold them.',
  },
  'consumer/mismatch': {
    when: 'A consumer of that name exists with another scope, pattern, number of partitions or policy.',
    do: 'Open it as it is, choose another name, or delete it first.',
  },
  'consumer/running': {
    when: 'This worker of the consumer is running already.',
    do: 'Open the consumer once more for another worker.',
  },
  'consumer/closed': { when: 'The consumer was closed here.', do: 'Open it again to run it.' },
  'consumer/event-failed': {
    when: 'A handler failed on an event as often as it may; the event is a dead letter now, or its partition stands there.',
    do: 'Correct the handler, then retry or discard the dead letter.',
  },
  'consumer/event-gone': {
    when: 'The event of a dead letter is not in the log any more, or may not be read.',
    do: 'Open the archive that has it, or discard the dead letter.',
  },
  'consumer/effects-too-large': {
    when: 'What a handler did for one event does not fit into one transaction.',
    do: 'Do less there, or publish events for others to do the rest.',
  },
  'consumer/transaction-ended': {
    when: 'A handler used its transaction after it had returned.',
    do: 'Await everything before the handler returns.',
  },
  'page/scopes-cut': {
    when: 'An identity that is not the owner may read more scopes than are followed at once: 100,000, or 1,000 where the module is older than its schema 3. Reported to `onError`, once a connection: in further scopes durable events are told late, and ephemeral ones are not.',
    do: 'Publish the newer module, follow as several identities with fewer scopes each, or put what belongs together into one scope.',
  },
  'client/queue-full': {
    when: 'Too many writes wait to be sent.',
    do: 'Await what you write before writing more.',
    retryable: true,
  },
  'client/outcome-unknown': {
    when: 'The universe was closed while a write was on its way: it may have been applied.',
    do: 'Look, or send it again under the same request id.',
  },
  'outbox/full': {
    when: 'The outbox takes no more writes.',
    do: 'Wait for the server, or discard what was rejected.',
    retryable: true,
  },
  'outbox/in-use': {
    when: 'Another process or tab has the outbox open.',
    do: 'Close it there, or give this one another.',
    retryable: true,
  },
  'outbox/corrupt': {
    when: 'The outbox is damaged; nothing of it was sent or changed.',
    do: 'Restore it, or move it away and write anew what was lost.',
  },
  'outbox/storage-failed': {
    when: 'The outbox could not be read or written.',
    do: 'Give it room and the right to write.',
    retryable: true,
  },
  'outbox/kept': {
    when: 'The universe was closed before the server answered; the write lies in the outbox.',
    do: 'Nothing: it is sent when the outbox is opened again.',
  },
  'outbox/not-rejected': { when: 'No such write is set aside.', do: 'Look at `client.work`.' },
  'outbox/discarded': {
    when: 'The write was taken out of the outbox before it was applied.',
    do: 'Nothing: somebody asked for it.',
  },
  'encryption/invalid-policy': {
    class: 'EncryptionError',
    when: 'What is to be encrypted is not said as it must be.',
    do: 'Correct the policy the message names.',
  },
  'encryption/invalid-keys': {
    class: 'EncryptionError',
    when: 'Keys, or a store of them, are not as they must be.',
    do: 'Restore the key store, or give keys of 32 bytes.',
  },
  'encryption/key-store-busy': {
    class: 'EncryptionError',
    when: 'Others changed the key store again and again.',
    do: 'Try again.',
    retryable: true,
  },
  'encryption/not-authentic': {
    class: 'EncryptionError',
    when: 'What is sealed was changed, or moved from elsewhere.',
    do: 'Restore it from history or a backup; it is left as it is.',
  },
  'encryption/in-list': {
    class: 'EncryptionError',
    when: 'A sealed field lies within a list, where it has no place of its own.',
    do: 'Seal the whole list, or use a map.',
  },
  'encryption/not-searchable': {
    class: 'EncryptionError',
    when: 'A query asks for a sealed property.',
    do: 'Query by what is clear, and look at the result.',
  },
  'encryption/not-indexable': {
    class: 'EncryptionError',
    when: 'A sealed property was to be indexed.',
    do: 'Take it out of `indexes`, or do not seal it.',
  },
  'event/newer-version': {
    when: 'An event has data of a newer version of its type than this program knows.',
    do: 'Update the program.',
  },
  'event/missing-upcaster': {
    when: 'A step from one version of a type to the next is missing.',
    do: 'Add that upcaster.',
  },
  'event/upcast-failed': { when: 'An upcaster failed on an event; its error is the cause.', do: 'Mend the upcaster.' },
  'archive/damaged': { when: 'A file of the archive is damaged.', do: 'Restore it from a backup.' },
  'archive/gap': {
    when: 'Events are missing between the archive and the log, or within it.',
    do: 'Restore the missing files.',
  },
  'archive/in-use': { when: 'Another process writes to the archive.', do: 'Stop that one.', retryable: true },
  'archive/newer-format': { when: 'The archive was written by a newer release.', do: 'Update this program.' },
  'archive/not-owner': { when: 'Somebody else than the owner was to archive.', do: "Use the owner's token." },
  'archive/other-universe': {
    when: 'The archive is that of another universe.',
    do: 'Give each universe a directory of its own.',
  },
};

/** What only the mock of `inner-universe/testing` throws. */
export const MOCK_ERRORS: ErrorCatalogue<MockErrorCode> = {
  'mock/not-stubbed': {
    class: 'MockError',
    when: 'A mock was asked for what only the module knows.',
    do: 'Answer it with `mock.stub(…)`, or use `createTestUniverse()`.',
  },
  'mock/not-supported': {
    class: 'MockError',
    when: 'A mock was asked for what it has not.',
    do: 'Use `createTestUniverse()`.',
  },
};
