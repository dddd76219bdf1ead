import type { RefusalCode } from '@inner-universe/module/wire';
import type { ErrorCatalogue } from './error-entry.ts';

/** What the module refuses: nothing of the request was applied. */
export const REFUSALS: ErrorCatalogue<RefusalCode> = {
  'branch/not-found': { when: 'The store has no branch of that name.', do: 'See `branches()`.' },
  'chunk/mismatch': { when: 'A piece of a large value does not fit its digest or place.', do: 'Upload it again.' },
  'chunk/missing': {
    when: 'A large value is not wholly uploaded, or was pruned.',
    do: 'Write it again: its pieces go first.',
  },
  'config/unknown-key': { when: 'There is no such setting.', do: 'See `readConfiguration` for those there are.' },
  'connection/refused': {
    class: 'ConnectionError',
    when: 'The identity has no grant, and guests are not let in; or it has too many connections open.',
    do: 'Ask the owner for a grant (`inner-universe grants add`), give the right token, or close connections.',
  },
  'consumer/exists': { when: 'There is a consumer of that name.', do: 'Use it, or choose another name.' },
  'consumer/full': {
    when: 'As many workers take part in the consumer as can.',
    do: 'End one, or make the consumer with more partitions.',
  },
  'consumer/holds': {
    when: 'Events were to be trimmed that a consumer which holds the log has not handled.',
    do: 'Let it catch up, or take its hold away.',
  },
  'consumer/leased': {
    when: 'Somebody else holds the partition, or takes part under that label.',
    do: 'Stand by until the lease is over, or use another label.',
  },
  'consumer/not-found': { when: 'There is no such consumer or partition.', do: 'Create it first.' },
  'consumer/stale-epoch': {
    when: 'Another worker has claimed the partition since: this one was paused too long.',
    do: 'Claim it again, and go on from its offset. Nothing was written.',
  },
  'consumer/wrong-offset': {
    when: 'The partition stands elsewhere than the advance says.',
    do: 'Read its offset, and go on from there.',
  },
  'cursor/malformed': { when: 'A cursor is none of this read.', do: 'Give back the one a page ended with, or none.' },
  'entity/has-relations': {
    when: 'An entity was to be deleted that has relations.',
    do: 'Delete them first, or cascade.',
  },
  'entity/id-taken': { when: 'There is an entity of this id.', do: 'Update it, or choose another id.' },
  'entity/not-found': {
    class: 'EntityNotFoundError',
    when: 'There is no entity of this id, or it may not be seen.',
    do: 'Create it; or it was deleted meanwhile.',
  },
  'entity/seq-mismatch': {
    when: 'The entity changed after the `seq` this write was made against.',
    do: 'Read it again, and write anew.',
  },
  'event/id-taken': { when: 'Another event has this id.', do: 'Give each event its own id, or none.' },
  'event/trimmed': {
    when: 'What was asked for lies before the point up to which the log was trimmed; `details.trimmedSeq`.',
    do: 'Read from there on, or open the archive.',
  },
  'grant/not-found': { when: 'There is no such grant to take back.', do: 'See `listPermissions()`.' },
  'graph/history-trimmed': {
    when: 'The past of the graph that was asked for is pruned.',
    do: 'Ask for a later time: `details.keptFromMs` is the first one that is kept.',
  },
  'graph/no-history': {
    when: 'Not all changes of the type since then were kept.',
    do: 'Ask for a later time, or for types whose history is kept.',
  },
  'graph/not-indexed': {
    when: 'A query by a property that is not indexed, or not yet.',
    do: 'Declare it in the setting `indexes`, and wait until it is built.',
  },
  'limit/cascade': {
    when: 'A deletion would take too many relations with it.',
    do: 'Delete them in several requests.',
  },
  'limit/ops': { when: 'A request has too many ops.', do: 'Split it.' },
  'limit/rate': {
    when: 'This identity writes, or reads, faster than it may.',
    do: 'Wait for `details.waitSeconds`, and send it again; clients do that with reads.',
    retryable: true,
  },
  'limit/request': { when: 'A request has too many bytes.', do: 'Split it; large values go as chunks.' },
  'limit/storage': {
    when: 'The universe holds as many rows as its configuration allows, or of something (`details.what`) as many as others than the owner may add.',
    do: 'Archive events, prune, or raise `limits.rows`; or have the owner remove some.',
  },
  'module/internal': {
    when: 'The module itself failed; nothing was changed. That is a mistake of the module.',
    do: 'Report it with the message; the same request will fail again.',
  },
  'permission/denied': {
    when: 'No grant allows this; `details` names action and resource.',
    do: 'Ask the owner, or a holder of `grant:admin`, for it.',
  },
  'relation/endpoint-missing': {
    when: 'An end of the relation does not exist.',
    do: 'Create the entity first, or in the same request.',
  },
  'relation/id-taken': { when: 'There is a relation of this id.', do: 'Update it, or choose another id.' },
  'relation/not-found': {
    class: 'RelationNotFoundError',
    when: 'There is no relation of this id, or it may not be seen.',
    do: 'Create it; or it was deleted meanwhile.',
  },
  'relation/seq-mismatch': {
    when: 'The relation changed after the `seq` this write was made against.',
    do: 'Read it again, and write anew.',
  },
  'request/expired': {
    when: 'The request was made more than seven days ago; whether it was applied then is not known any more.',
    do: 'Look at what it would have done, and make a new one.',
  },
  'request/id-taken': { when: 'Another identity has used this request id.', do: 'Make a new id.' },
  'request/out-of-order': {
    when: 'The request says that it comes after another one of its caller, which was not applied; nothing of it was either.',
    do: 'Send that one first, then this again. Writes of a client do so by themselves.',
  },
  'schema/migrating': {
    when: 'The data are being brought to the schema of the module.',
    do: 'Wait, and send it again; the owner runs `inner-universe migrate`.',
    retryable: true,
  },
  'schema/newer-data': {
    when: 'The data were written by a newer module than the one that runs.',
    do: 'Publish the newer module again.',
  },
  'scope/mismatch': { when: 'A relation and its ends are of different scopes.', do: 'Keep them in one scope.' },
  'state/bad-chain-hash': {
    when: 'The hash of a version does not cover what was sent.',
    do: 'Compute it as `nerv/hash` does; it covers parents, state, author, time and description.',
  },
  'state/delta-taken': {
    when: 'The version has another delta already.',
    do: 'Versions do not change: record a new one.',
  },
  'state/id-taken': { when: 'There is a version of this id.', do: 'Give each version its own id, or none.' },
  'state/in-use': {
    when: 'A version that was to be removed is a head, is tagged, or has versions that descend from it.',
    do: 'Delete the branch or tag first, or let the version stay.',
  },
  'state/incomplete': {
    when: 'The version has neither a delta nor a snapshot yet.',
    do: 'Wait until its recorder has sent it, or record its delta.',
  },
  'state/unknown-parent': { when: 'A version names a parent that the store has not.', do: 'Record the parent first.' },
  'state/unknown-store': {
    when: 'There is no such store, or it may not be seen.',
    do: 'Open it with an initial state.',
  },
  'state/unknown-version': { when: 'There is no such version, or it may not be seen.', do: 'See `log()`.' },
  'state/version-conflict': {
    class: 'VersionConflictError',
    when: 'Somebody else moved the branch first.',
    do: 'Commit again on the new head, or merge; `details` has both heads.',
  },
  'tag/exists': { when: 'The store has that tag on another version.', do: 'Delete it first, or let it move.' },
  'tag/not-found': { when: 'The store has no such tag.', do: 'See `tags()`.' },
  'value/malformed': { when: 'A field of an op or read is not as it must be.', do: 'Correct what the message names.' },
  'value/too-large': { when: 'A value is larger than one may be.', do: 'Split it.' },
};
