import type { NervErrorCode } from '@inner-universe/nerv';
import type { ErrorCatalogue } from './error-entry.ts';

/** What NERV throws, in memory and over a universe alike. */
export const NERV_ERRORS: ErrorCatalogue<NervErrorCode> = {
  'value/unsupported': {
    when: 'A value holds something that cannot be stored, such as a function or a cycle; `path` says where.',
    do: 'Take it out, or turn it into plain data.',
  },
  'value/malformed': {
    when: 'A text is not the encoding of a value.',
    do: 'Write texts with `stringify`; what is stored damaged is restored from a backup.',
  },
  'value/too-deep': { when: 'A value nests too deep.', do: 'Flatten it.' },
  'value/too-large': { when: 'A value is larger than one may be.', do: 'Split it.' },
  'hash/malformed': { when: 'A text is no hash.', do: 'Give a hash as a version carries it.' },
  'id/exhausted': { when: 'The clock shows a time that no id can hold.', do: 'Set the clock.' },
  'event/invalid': {
    when: 'An event, or an argument about one, is not as it must be.',
    do: 'Correct what the message names.',
  },
  'event/invalid-pattern': {
    when: 'A pattern of event types is none.',
    do: 'Write segments with dots; `*` stands for one, `**` for any number.',
  },
  'event/buffer-full': {
    when: 'A stream or queue of events is full, and its policy is to fail.',
    do: 'Read faster, raise the capacity, or choose another policy.',
  },
  'event/timeout': {
    when: 'The event that was waited for did not come in time.',
    do: 'Wait longer, or again.',
    retryable: true,
  },
  'event/closed': { when: 'The event bus is closed.', do: 'Make a new bus, or open the universe again.' },
  'event/id-taken': { when: 'Another event has this id.', do: 'Give each event its own id, or none.' },
  'event/limit': {
    when: 'Handlers emitted within handlers too deep, or there are too many of something.',
    do: 'Break the circle of handlers.',
  },
  'event/no-log': {
    when: 'A durable event was published on a bus without a log.',
    do: "Open a universe, or publish it as 'local'.",
  },
  'event/no-history': { when: 'A bus that keeps no past was asked for it.', do: 'Give the bus a history.' },
  'event/invalid-data': {
    when: 'The data of an event do not fit the schema of its type.',
    do: 'Correct the data, or the schema.',
  },
  'state/invalid-argument': {
    when: 'An argument of a store is not as it must be.',
    do: 'Correct what the message names.',
  },
  'state/invalid-patch': {
    when: 'A patch is none, or names a place that is not there.',
    do: 'Make it against the state it is applied to.',
  },
  'state/patch-test-failed': {
    when: 'The state is not what a `test` of the patch expects.',
    do: 'Make the patch anew from the state as it is.',
  },
  'state/read-only': {
    when: 'A state was written to outside of a commit.',
    do: 'Change it within `commit((draft) => …)`.',
  },
  'state/draft-closed': {
    when: 'A draft was used after its commit.',
    do: 'Keep plain values, or read the state again.',
  },
  'state/version-conflict': {
    class: 'VersionConflictError',
    when: 'Somebody else moved the branch first, and changed what this commit changes.',
    do: 'Commit again on the new head, or merge; `details` has both heads.',
  },
  'state/version-not-found': { when: 'There is no version, tag or branch of that name.', do: 'See `log()`.' },
  'state/version-compacted': {
    when: 'The version was left out when the history was compacted.',
    do: 'Tag what must stay; read it from a backup.',
  },
  'state/id-taken': { when: 'There is a version of this id already.', do: 'Give each version its own id, or none.' },
  'state/not-fast-forward': {
    when: 'The target does not descend from the head of the branch.',
    do: 'Merge instead.',
  },
  'state/branch-not-found': { when: 'The store has no such branch.', do: 'See `branches()`, or `createBranch`.' },
  'state/branch-exists': { when: 'The store has a branch of that name.', do: 'Choose another name.' },
  'state/tag-not-found': { when: 'The store has no such tag.', do: 'See `tags()`.' },
  'state/tag-exists': { when: 'The store has a tag of that name.', do: 'Delete it first: tags do not move.' },
  'state/merge-conflict': {
    class: 'MergeConflictError',
    when: 'Both sides changed the same places differently; nothing was written.',
    do: "Choose the strategy 'ours' or 'theirs', or give a resolver; `details.conflicts` lists the places.",
  },
  'state/corrupt-version': {
    when: 'The state or history of a version does not match its hash.',
    do: 'Restore the history from a good copy; `details` names the version.',
  },
  'entity/not-found': {
    class: 'EntityNotFoundError',
    when: 'There is no entity of this id.',
    do: 'Create it; or it was deleted meanwhile.',
  },
  'entity/id-taken': { when: 'There is an entity of this id.', do: 'Update it, or choose another id.' },
  'entity/invalid': { when: 'An entity is not as it must be.', do: 'Correct what the message names.' },
  'entity/has-relations': {
    when: 'An entity was to be deleted that has relations.',
    do: 'Delete them first, or give `cascade: true`.',
  },
  'entity/seq-mismatch': {
    when: 'The entity changed after the state this write was made against.',
    do: 'Read it again, and write anew.',
  },
  'relation/not-found': {
    class: 'RelationNotFoundError',
    when: 'There is no relation of this id.',
    do: 'Create it; or it was deleted meanwhile.',
  },
  'relation/id-taken': { when: 'There is a relation of this id.', do: 'Update it, or choose another id.' },
  'relation/invalid': { when: 'A relation is not as it must be.', do: 'Correct what the message names.' },
  'relation/seq-mismatch': {
    when: 'The relation changed after the state this write was made against.',
    do: 'Read it again, and write anew.',
  },
  'relation/endpoint-missing': {
    when: 'An end of the relation does not exist.',
    do: 'Create the entity first, or in the same batch.',
  },
  'graph/invalid-query': { when: 'A query of the graph is none.', do: 'Correct what the message names.' },
  'graph/invalid-cursor': {
    when: 'A cursor is none, or of another query.',
    do: 'Give back the one a page ended with, to the same query.',
  },
  'graph/limit': {
    when: 'More was asked for than one call may do.',
    do: 'Ask for less, or break the circle the message names.',
  },
  'graph/cycle': {
    when: 'The relations lead in a circle where none may be.',
    do: 'Choose relation types without circles.',
  },
  'graph/closed': { when: 'The graph is closed.', do: 'Make a new one, or open the universe again.' },
  'graph/invalid-argument': {
    when: 'An argument of the graph is not as it must be.',
    do: 'Correct what the message names.',
  },
  'graph/no-history': {
    when: 'The past was asked for of what keeps none.',
    do: 'Give the graph a history, or keep that of the type (`history: full`).',
  },
  'graph/history-trimmed': {
    when: 'The past that was asked for is not kept any more.',
    do: 'Ask for a later time, or keep more.',
  },
  'pending/conflict': { when: 'A request of this id is pending already.', do: 'Give each request its own id.' },
  'pending/limit': {
    when: 'Too many requests wait for their answer.',
    do: 'Await some of them.',
    retryable: true,
  },
  'projection/invalid': {
    when: 'A projection, or how it is used, is not as it must be.',
    do: 'Correct what the message names.',
  },
  'projection/failed': {
    when: "A projection stopped because its reducer failed on an event; that is the error's cause.",
    do: 'Mend the reducer, and rebuild or resume.',
  },
  'projection/gap': { when: 'Events between checkpoint and now are not there any more.', do: 'Rebuild.' },
  'projection/limit': { when: 'More events wait for a projection than may.', do: 'Wait for it, or rebuild.' },
  'projection/view-failed': { when: 'A perspective failed; its cause says where.', do: 'Mend its code.' },
};
