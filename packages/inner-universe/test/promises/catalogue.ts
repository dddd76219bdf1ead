/** What is promised, and the tests that try to break it. The page `docs/promises.md` is made of this. */

/** A test, as its file and its name, or a check of the torture (`npm run torture`), as what it calls it. */
export type Attempt = readonly [file: string, name: string];

/** One promise. */
export interface PromiseEntry {
  readonly promise: string;
  readonly attempts: readonly Attempt[];
}

const IU = 'packages/inner-universe';
const PROMISES = `${IU}/test/event-promises.test.ts`;
const CONSUMERS = `${IU}/src/consumers/consumers.test.ts`;
const CONSUMER_PROCESSES = `${IU}/test/consumers-processes.test.ts`;
const MODULE_CONSUMERS = 'packages/module/test/consumers.test.ts';
const ARCHIVE = `${IU}/test/archive.test.ts`;
const STATE_CONTRACT = 'packages/nerv/src/testing/temporal-contract.ts';
const BUS_CONTRACT = 'packages/nerv/src/testing/event-bus-contract.ts';
const GRAPH_CONTRACT = 'packages/nerv/src/testing/entity-graph';
const CONTENTION = `${IU}/test/state-contention.test.ts`;
const COMPACTION = `${IU}/test/state-compaction.test.ts`;
const COMMITS = `${IU}/test/state-commits.test.ts`;
const VERSIONS = 'packages/module/test/versions.test.ts';
const REQUESTS = 'packages/module/test/requests.test.ts';
const OFFLINE = `${IU}/src/offline/offline.test.ts`;
const OUTBOX_PROCESSES = `${IU}/test/outbox-processes.test.ts`;
const DISK = 'packages/host/src/storage/disk';
const HOSTILE = 'packages/host/test/hostile';
const BOUNDS = `${IU}/test/promises/bounded-memory.test.ts`;
const EFFECTS = `${IU}/test/promises/effects.test.ts`;
const CROSSING = `${IU}/test/promises/errors.test.ts`;
const ISOLATION = `${IU}/test/promises/isolation.test.ts`;
const TORTURE = 'torture/audit';

/** By part, in the order of the page. */
export const PROMISE_CATALOGUE: Readonly<Record<string, readonly PromiseEntry[]>> = {
  Events: [
    {
      promise: '`emit` is synchronous, reaches this bus alone, and gives the id.',
      attempts: [
        [PROMISES, 'emit is synchronous and this bus only, and gives the id'],
        [BUS_CONTRACT, 'emit is synchronous and this bus only'],
      ],
    },
    {
      promise:
        'A durable event runs the handlers of every bus, the publisher’s too, when it comes back from the log, in the order of the log, each once.',
      attempts: [
        [PROMISES, 'durable: handlers on every bus run when it comes back from the log, in order of seq, each once'],
        [`${IU}/test/live.test.ts`, 'see the events of both, each once, in the same order, their own ones too'],
        [
          `${IU}/src/client/change-feed.test.ts`,
          'whatever is pushed late, twice, out of order or not at all, every event after the start is told once, in order',
        ],
        [
          `${IU}/src/testing/random-faults.test.ts`,
          'whatever happens on the way, what is acknowledged is there once, and everybody hears it once, in one order',
        ],
        [`${TORTURE}/events.ts`, 'a bus hands over every event once, in order'],
      ],
    },
    {
      promise: '`publish` of a durable event resolves when the log has it durably.',
      attempts: [
        [
          `${IU}/test/processes.test.ts`,
          'what was acknowledged survives kill -9 of the process that embeds the host, again and again',
        ],
        [`${TORTURE}/events.ts`, 'an event is in the log once'],
        [`${TORTURE}/events.ts`, 'nothing is in the log that nobody wrote'],
      ],
    },
    {
      promise: 'Events of one publisher keep their order, also when nobody awaits them.',
      attempts: [
        [`${IU}/test/universe.test.ts`, 'publishing without awaiting keeps the order, and closing sends all of it'],
        [`${TORTURE}/events.ts`, 'the events of one process are in the log in the order in which it published them'],
      ],
    },
    {
      promise: 'An ephemeral event is broadcast only: it has no `seq`, is not replayed, and may be missed while away.',
      attempts: [
        [PROMISES, 'ephemeral: the same through the broadcast, without seq and without replay'],
        [PROMISES, 'ephemeral events may be missed while it is away, durable ones are not'],
      ],
    },
    { promise: 'A local event is `emit`.', attempts: [[PROMISES, 'local: as emit']] },
    {
      promise: 'An optimistic event reaches its own bus at once, marked `pending`, and not again.',
      attempts: [
        [PROMISES, 'optimistic: the own bus gets it at once and pending, and not again; others when the log has it'],
      ],
    },
    {
      promise: 'An optimistic event that is refused is followed by `event.rejected` with the same id.',
      attempts: [
        [PROMISES, 'optimistic and refused: event.rejected with the same id follows, on this bus alone'],
        [PROMISES, 'is refused what it may not publish, is told so, and its optimistic events are taken back'],
      ],
    },
    {
      promise: 'Offline, durable events wait in the outbox, and are delivered when the log has them.',
      attempts: [
        [PROMISES, 'durable events wait while it is away, and are delivered once the log has them, in order'],
        [OFFLINE, 'waits however long it takes, is listed once it is kept, and arrives in order'],
        [OUTBOX_PROCESSES, 'what was accepted survives kill -9 of the application, whether the server is there or not'],
      ],
    },
    {
      promise: 'Patterns match application events; records of the module come only to those who ask for them.',
      attempts: [
        [PROMISES, 'patterns match application events; records of the module are asked for'],
        [BUS_CONTRACT, 'patterns do not match system events unless asked for them'],
        [BUS_CONTRACT, 'a star stands for one segment, two stars for any number, also none'],
      ],
    },
    {
      promise: 'A handler that throws stops no other, and is reported.',
      attempts: [
        [PROMISES, 'a throwing handler stops no other, and is reported'],
        [BUS_CONTRACT, 'a handler that throws or rejects harms no other and is reported as a system event'],
      ],
    },
    {
      promise: 'Back-pressure is explicit: buffers are bounded and have a stated policy.',
      attempts: [
        [BUS_CONTRACT, 'a full stream drops the oldest, drops the newest, or fails, as it was told'],
        [`${IU}/src/events/event-line.test.ts`, 'drops ephemeral events beyond what it holds, and says so once'],
        [PROMISES, 'gets of 3,000 ephemeral events those that the ring still has when it looks, in order, and no more'],
      ],
    },
  ],
  Consumers: [
    {
      promise: 'A consumer is named and durable: it goes on where it stopped, whoever runs it.',
      attempts: [
        [CONSUMERS, 'a consumer goes on where it stopped, whoever runs it'],
        [`${TORTURE}/events.ts`, 'a consumer handles every event'],
      ],
    },
    {
      promise: 'The number of its partitions is fixed when it is made.',
      attempts: [
        [CONSUMERS, 'opening again gives another worker of the same consumer, and refuses other parameters by name'],
      ],
    },
    {
      promise: 'A partition has one holder; with one partition, others stand by and the order is the log’s.',
      attempts: [
        [MODULE_CONSUMERS, 'a partition has one holder, whose epoch guards every advance'],
        [CONSUMERS, 'a standby takes over at once when the holder is gone, and when its lease has ended'],
      ],
    },
    {
      promise: 'With several partitions, workers share them, and the order holds for each partition key.',
      attempts: [
        [CONSUMERS, 'workers share the partitions evenly, whoever comes and goes, and the order holds per key'],
        [`${TORTURE}/events.ts`, 'a consumer handles the events of one key in order'],
      ],
    },
    {
      promise: 'Claiming raises the epoch; what an old epoch writes is refused: a worker that was paused cannot write.',
      attempts: [
        [CONSUMERS, 'a worker that was frozen past its lease cannot write, is told by the signal, and claims anew'],
        [CONSUMER_PROCESSES, 'a process that is frozen past its lease writes nothing when it goes on, and is told'],
        [
          MODULE_CONSUMERS,
          'a lease ends, is extended by each advance, and the next holder’s epoch shuts the last one out',
        ],
      ],
    },
    {
      promise: 'A connection that ends frees its partitions.',
      attempts: [[MODULE_CONSUMERS, 'a connection that ends frees its partitions']],
    },
    {
      promise:
        'A handler that fails is tried again, later and later, then its event is parked with the reason, and the partition goes on, or stops where that was asked for.',
      attempts: [
        [
          CONSUMERS,
          'of a handler that throws nothing is written; it is tried again, then parked with its reason, and the next event comes',
        ],
        [
          CONSUMERS,
          'with the policy stop a partition stands at the event until somebody decides, also for another worker',
        ],
        [`${TORTURE}/events.ts`, 'a handler that fails once is tried again'],
      ],
    },
    {
      promise: 'What a handler does through its transaction is done exactly once, with the advance past its event.',
      attempts: [
        [CONSUMERS, 'events, graph and state of a handler are written with the advance past its event'],
        [MODULE_CONSUMERS, 'effects and offset of one request are applied together or not at all'],
        [
          `${IU}/src/consumers/random-crashes.test.ts`,
          'whatever happens to workers, host and network, every event is handled in its partition’s order and its effects are there once',
        ],
        [
          CONSUMER_PROCESSES,
          'workers in several processes, killed again and again, and a server that is, handle every event once and in order',
        ],
        [`${TORTURE}/events.ts`, 'a handler takes effect once'],
        [`${TORTURE}/events.ts`, 'all effects of a handler are one transaction'],
      ],
    },
    {
      promise: 'Effects anywhere else are at least once, with the event’s id as the key by which to do them once.',
      attempts: [
        [EFFECTS, 'effects elsewhere happen at least once, always under the same id; those of the transaction once'],
      ],
    },
  ],
  Retention: [
    {
      promise: 'What is trimmed was archived before, whatever ends the archiving process and when.',
      attempts: [
        [ARCHIVE, 'between any two steps loses no event and doubles none, and the next run goes on'],
        [
          `${IU}/test/archive-kill.test.ts`,
          'a process that archives and is killed with kill -9, again and again, loses no event and doubles none',
        ],
        [`${TORTURE}/archive.ts`, 'nothing is trimmed before it is archived'],
        [`${TORTURE}/archive.ts`, 'every row is in the archive or in the log'],
        [`${TORTURE}/archive.ts`, 'a row is archived once'],
        [`${TORTURE}/archive.ts`, 'archive and log say the same'],
        [`${TORTURE}/archive.ts`, 'every segment of an archive verifies'],
      ],
    },
    {
      promise: 'Trimming goes in steps of at most 1,000 rows, and never past a consumer that holds the log.',
      attempts: [
        ['packages/module/test/events.test.ts', 'goes no further than the log, 1,000 rows or a consumer that holds'],
        [ARCHIVE, 'never trims past a consumer that holds the log, and past any other'],
      ],
    },
    {
      promise: 'Reading before the trim point fails with that point, or goes on in an archive that was opened.',
      attempts: [
        [ARCHIVE, 'without one is refused with the point, by place and by time'],
        [ARCHIVE, 'gives all events in order, each once, upwards and downwards, by whatever pages'],
        [`${TORTURE}/archive.ts`, 'a consumer goes through archive and log, each event once, in order'],
      ],
    },
    {
      promise: 'Trimming touches neither versions nor the history of the graph.',
      attempts: [[ARCHIVE, 'touches neither versions nor the history of the graph']],
    },
  ],
  Migrations: [
    {
      promise:
        'A migration of the data changes a row once: the change and how far it is are one transaction, whoever is killed.',
      attempts: [
        [
          `${IU}/test/migration-kill.test.ts`,
          'a migration goes on after kill -9 of who applies it and of the server, and takes each step once',
        ],
        [`${TORTURE}/migrations.ts`, 'every migration changes every row once, in order'],
        [`${TORTURE}/migrations.ts`, 'a migration commits a state once'],
      ],
    },
  ],
  State: [
    {
      promise:
        'A version is immutable: any can be read at any time, by id or by date, and is checked against its hash.',
      attempts: [
        [STATE_CONTRACT, 'any version is readable by id, by tag, by branch and by steps back, for ever'],
        [STATE_CONTRACT, 'a date reads the head of that time, or what was authored by then'],
        [
          `${IU}/test/versions.test.ts`,
          'a version that is not what its hash names is told by name and publisher, not read',
        ],
        [`${TORTURE}/states.ts`, 'every version verifies'],
      ],
    },
    {
      promise: 'A commit is atomic with its branch check: of two writers on one head one wins.',
      attempts: [
        [STATE_CONTRACT, 'of two commits made against one head the second is refused, with both heads'],
        [
          `${IU}/test/live.test.ts`,
          'of two writers on one branch one wins; the loser learns of it, and its second try succeeds',
        ],
        [VERSIONS, 'move with the version, by compare-and-set'],
        [`${TORTURE}/states.ts`, 'a version is recorded once'],
      ],
    },
    {
      promise:
        'The loser is told what it needs to rebase or merge; where nothing overlaps it is rebased, and no update is lost.',
      attempts: [
        [COMMITS, 'is a conflict where both changed the same place, and tells both sides'],
        [COMMITS, 'is applied to the new head where both changed different places, under the same id'],
        [
          CONTENTION,
          'whatever they do and whatever is lost on the way: no update is lost, all states are equal, the chain verifies',
        ],
        [`${TORTURE}/states.ts`, 'no commit is lost under another'],
        [`${TORTURE}/states.ts`, 'what was refused changed nothing'],
      ],
    },
    {
      promise: 'History is a graph: branches, merges of three sides with conflicts told, differences, reverts, tags.',
      attempts: [
        [STATE_CONTRACT, 'a merge takes both sides and has both parents'],
        [STATE_CONTRACT, 'a conflict is reported with its values and writes nothing, until it is decided'],
        [STATE_CONTRACT, 'the difference of two versions turns one into the other'],
        [STATE_CONTRACT, 'a revert takes back one version and keeps the later ones'],
        [STATE_CONTRACT, 'a tag does not move, and goes when deleted'],
        ['torture/audit/references.ts', 'a tag points where it was set'],
        ['torture/audit/references.ts', 'what was merged has both sides'],
      ],
    },
    {
      promise: 'Pruning keeps what branches and tags lead to, and what stays verifies.',
      attempts: [
        [COMPACTION, 'removes what no branch and no tag leads to, once it is a day old'],
        [COMPACTION, 'of any history keeps every state that stays, what descends from what, and the chain'],
      ],
    },
    {
      promise: 'The hash of a version covers its parents’, so that history cannot be altered unnoticed.',
      attempts: [
        [VERSIONS, 'need a chain hash that covers parents, data hash, author, time and description'],
        [COMPACTION, 'is found where others were made on it: the first bad one is named'],
      ],
    },
  ],
  Graph: [
    {
      promise: 'A relation has both its ends; an entity with relations goes only with them.',
      attempts: [
        [`${GRAPH_CONTRACT}/graph-writes-contract.ts`, 'a relation needs both its ends'],
        [`${GRAPH_CONTRACT}/graph-writes-contract.ts`, 'a deleted entity is gone; one with relations only with them'],
        ['packages/module/test/graph.test.ts', 'hold the deletion of their ends back, unless it cascades'],
        [`${TORTURE}/graph.ts`, 'a relation has both its ends'],
      ],
    },
    {
      promise: 'Entities and relations are looked up by type, tag, property and end, through indexes.',
      attempts: [
        [`${GRAPH_CONTRACT}/graph-queries-contract.ts`, 'relations are found by their ends, type and properties'],
        [
          'packages/module/test/indexes.test.ts',
          'are looked up by once they are declared, and stay right through changes',
        ],
      ],
    },
    {
      promise: 'Traversals and shortest paths are the same by pages as over the whole graph.',
      attempts: [
        [
          `${IU}/test/graph-walks.test.ts`,
          'walks by pages give what they give over the whole graph, in the same order',
        ],
        [`${GRAPH_CONTRACT}/graph-walks-contract.ts`, 'the shortest path counts relations, or weighs them'],
      ],
    },
    {
      promise: 'Queries stay live: who subscribed is told each change.',
      attempts: [
        [`${GRAPH_CONTRACT}/graph-live-contract.ts`, 'a live query starts with its result and follows it'],
        [
          `${IU}/test/graph-random.test.ts`,
          'whatever is written and whatever fails on the way, all hold what the server has, and the past stays what it was',
        ],
        ['torture/torture.ts', 'what a reader holds is what the server has'],
      ],
    },
    {
      promise: '`asOf` reads the graph as it was recorded by then, in all forms.',
      attempts: [
        [`${GRAPH_CONTRACT}/graph-past-contract.ts`, 'the past is as it was recorded, whatever is written later'],
        [
          'packages/module/test/graph-past.test.ts',
          'the graph at any seq is what it was then, whatever came later, and however it is looked at',
        ],
        [`${TORTURE}/graph.ts`, 'a write is done once'],
      ],
    },
  ],
  Durability: [
    {
      promise: 'What was acknowledged survives `kill -9` of the server.',
      attempts: [
        [
          'packages/host/test/kill.test.ts',
          'what was acknowledged is there after kill -9, whole, in order and without gaps, again and again',
        ],
        [`${DISK}/kill.test.ts`, 'killed with kill -9 again and again, a process finds all that was durable before'],
        ['torture/torture.ts', 'what was acknowledged survives kill -9'],
      ],
    },
    {
      promise: 'What was acknowledged survives the loss of power.',
      attempts: [
        [`${DISK}/crash.test.ts`, 'power lost at any step, all that was acknowledged is there (seed %i)'],
        [`${DISK}/crash.test.ts`, 'life after life, each ended by a crash, loses nothing that was acknowledged'],
      ],
    },
    {
      promise: 'A full or failing disk loses nothing that was acknowledged.',
      attempts: [
        [
          `${DISK}/faults.test.ts`,
          'a disk that fills up at any step loses nothing acknowledged, and a reopening goes on',
        ],
      ],
    },
    {
      promise: 'Damaged storage is detected and named, never silently read.',
      attempts: [
        [`${DISK}/damage.test.ts`, 'with any byte changed by %i, gives an error or what was stored'],
        [`${DISK}/damage.test.ts`, 'with any file cut at any byte, gives an error'],
        [`${DISK}/damage.test.ts`, 'says file and byte of the damage, and changes nothing'],
      ],
    },
    {
      promise: 'What an outbox has taken survives `kill -9` of the application.',
      attempts: [
        [OUTBOX_PROCESSES, 'what was accepted survives kill -9 of the application, whether the server is there or not'],
        [OUTBOX_PROCESSES, 'a server that was never there: the application opens, works, is killed, and loses nothing'],
        ['torture/torture.ts', 'outboxes are empty, and nothing is unknown, once the server is there'],
      ],
    },
  ],
  Errors: [
    {
      promise: 'What crosses a boundary is a typed error with a code, a cause and the ids involved.',
      attempts: [
        [`${IU}/test/errors-page.test.ts`, 'every error is of the class that the page says'],
        [CROSSING, 'a refusal crosses from reducers and procedures as the same typed error, with code and ids'],
      ],
    },
    {
      promise: 'Nothing a client sends can stop the host.',
      attempts: [
        [`${HOSTILE}/frames.test.ts`, 'random and spoiled payloads end at most the connection they came on'],
        [
          `${HOSTILE}/connections.test.ts`,
          '500 without a word, 500 in the middle of a request and 500 clients without a question harm nobody',
        ],
        ['torture/torture.ts', 'every process lives until it is ended'],
      ],
    },
    {
      promise:
        'Every argument is checked in the module: what makes no sense is refused by a code, and changes nothing.',
      attempts: [
        [
          'packages/module/test/senseless.test.ts',
          'are refused by every op with a code of the contract, and a refusal changes nothing',
        ],
      ],
    },
    {
      promise: 'No call hangs: each ends as applied, refused or given up, also when its connection dies.',
      attempts: [
        [
          `${IU}/src/client/client.test.ts`,
          'a request whose connection was lost is sent again under its id, and ends once',
        ],
        [
          `${IU}/src/client/client.test.ts`,
          'a connection that leaves a call without an answer is given up, and the call made on the next',
        ],
        [
          `${IU}/test/processes.test.ts`,
          'after kill -9 of the server and its return, calls on their way are applied once and the feed goes on',
        ],
        ['torture/torture.ts', 'every write is answered once the server is there'],
      ],
    },
  ],
  Isolation: [
    {
      promise: 'A request is one serializable transaction: it applies whole or not at all.',
      attempts: [
        [REQUESTS, 'is applied whole, or not at all, and the refusal names the op'],
        [
          'packages/module/test/model.test.ts',
          'whatever is applied or refused, current rows, history, tags, seq and heads agree',
        ],
        [ISOLATION, 'a request is there whole or not at all, at whatever commit the host is killed'],
        [
          `${HOSTILE}/connections.test.ts`,
          'a client whose call is under way: the call is whole or did not happen, whoever is left sees which',
        ],
      ],
    },
    {
      promise: 'A request that is sent again is applied once.',
      attempts: [
        [REQUESTS, 'that is sent again by the same identity is a success that changes nothing'],
        [REQUESTS, 'of another identity under a taken id is refused'],
        [REQUESTS, 'made more than seven days ago is refused, also when it was applied then and forgotten since'],
      ],
    },
    {
      promise: '`seq` is the order of commits, has no gaps, and is never used twice.',
      attempts: [
        [REQUESTS, 'have no gaps after refusals, and order the commits'],
        [`${TORTURE}/events.ts`, 'the log is in order'],
      ],
    },
  ],
  'Bounded memory': [
    {
      promise: 'A slow subscriber holds up neither memory nor others.',
      attempts: [
        [
          `${IU}/src/events/event-line.test.ts`,
          'holds a bounded number of 200,000 events, and delivers each once and in order when they do',
        ],
        [CONSUMERS, 'a slow handler holds up neither memory nor other partitions'],
        [
          `${HOSTILE}/connections.test.ts`,
          'one that follows a flood and does not read is dropped; others miss nothing',
        ],
      ],
    },
    {
      promise:
        'An endless publisher is held back: its calls wait, or are refused, before its queue grows beyond its bound.',
      attempts: [
        [
          PROMISES,
          'an endless publisher and a handler that does not settle: bounded here, and nothing durable is lost',
        ],
        [`${IU}/src/client/request-queue.test.ts`, 'so many calls, and tells who comes after that'],
        [`${IU}/src/client/request-queue.test.ts`, 'so many bytes, but always one call'],
      ],
    },
    {
      promise: 'A long outage fills the outbox up to its bound, and no more; what it took arrives.',
      attempts: [
        [BOUNDS, 'a long outage fills the outbox up to its bound in writes and bytes, and what it took arrives'],
        [OFFLINE, 'takes so much and no more, and what it took arrives'],
      ],
    },
    {
      promise: 'No process of the torture holds more than its stated bound.',
      attempts: [['torture/cast.ts', 'the bound is']],
    },
  ],
};
