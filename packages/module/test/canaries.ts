/**
 * A universe of secrets: whatever lies in the scope `vault`, or tells of rights, holds the word `canary`. What somebody
 * who should not see it may guess (ids, names of stores and consumers) does not, so that a reply that says `canary` has
 * told something.
 */
import type { Op } from '../src/wire/index.ts';
import { ops } from './universe.ts';

/** In everything that is secret. */
export const CANARY = 'canary';
/** What strangers may have guessed: the ids and names of secrets. */
export const HANDLES = ['vault', 'secret', 'secret-two', 'secret-consumer', 'secret-digest', 'secret-run'] as const;
/** The name of a scope, which whoever may read something in all scopes may know. */
export const SECRET_SCOPE = 'canary-scope';
/** The id of a request of the owner's. */
export const SECRET_REQUEST = 'canary-request';

const vault = { scope: 'vault' };
const words = (what: string): string => `canary-${what}`;

/** Requests of the owner's that fill the vault; `round` keeps the ids of two fillings apart. */
export function secrets(round = ''): Op[][] {
  const id = `secret${round}`;
  const two = `secret-two${round}`;
  const store = { store: id, ...vault };
  const texts = (what: string): object => ({
    ...vault,
    name: words(`${what}-name`),
    description: words(`${what}-description`),
    author: words(`${what}-author`),
    tags: [words(`${what}-tag`)],
    properties: JSON.stringify({ [words(`${what}-key`)]: words(`${what}-value`) }),
  });
  const event = {
    ...vault,
    source: words('source'),
    partitionKey: words('partition'),
    data: JSON.stringify({ [words('data')]: 1 }),
    metadata: JSON.stringify({ [words('metadata')]: 1 }),
  };
  const version = (name: string, parents: readonly Op[], more: object = {}): Op =>
    ops.version(name, parents, {
      ...store,
      author: words('version-author'),
      description: words('version-description'),
      metadata: JSON.stringify({ note: words('version-metadata') }),
      dataHash: words(`data-hash-${name}`),
      delta: JSON.stringify([{ op: 'add', path: `/${words('delta')}`, value: 1 }]),
      ...more,
    });
  const state = { state: JSON.stringify({ a: words('snapshot') }), stateEncoding: '' };
  const first = version(id, []);
  const second = version(`secret-run${round}`, [first]);
  const third = version(words(`version-id${round}`), [second], { snapshot: state, move: { branch: words('branch') } });
  const consumer = {
    pattern: 'canary.pattern.**',
    partitions: 1,
    startSeq: 0n,
    holdsTrim: false,
    failurePolicy: 'park',
  };
  const name = `secret-consumer${round}`;
  return [
    [
      ops.setting('history', { [words('quiet')]: 'none' }),
      ops.setting('indexes', { '*': [words('entity-key')] }),
      ops.setting('trusted_issuers', [{ issuer: words('issuer'), audience: words('audience') }]),
    ],
    [
      ops.event(id, 'secret.kept', event),
      ops.event(words(`event-id${round}`), `${CANARY}.type`, event),
      ops.event(`${id}-now`, 'secret.told', { ...event, durability: 'ephemeral' }),
      ops.event(words(`elsewhere${round}`), 'secret.kept', { ...event, scope: SECRET_SCOPE }),
    ],
    [
      ops.entity(id, { ...texts('entity'), entityType: words('entity-type') }),
      ops.entity(two, { ...texts('entity'), entityType: words('quiet') }),
      ops.entity(words(`entity-id${round}`), { ...texts('entity'), entityType: words('entity-type') }),
      ops.relation(id, id, two, { ...texts('relation'), relationType: words('relation-type') }),
      ops.relation(words(`relation-id${round}`), id, two, {
        ...texts('relation'),
        relationType: words('relation-type'),
      }),
    ],
    [ops.changeEntity(id, { description: words('changed') }), ops.changeEntity(two, { name: words('changed') })],
    [ops.dropEntity(words(`entity-id${round}`), { author: words('deleter') })],
    [
      first,
      second,
      third,
      ops.branch('secret', words(`version-id${round}`), undefined, id),
      version(`secret-own${round}`, [], { store: words(`store${round}`) }),
      {
        tag: 'createTag',
        value: {
          store: id,
          name: words('tag'),
          versionId: id,
          description: words('tag-description'),
          author: words('tag-author'),
          replace: false,
        },
      },
      ops.compact(words(`version-id${round}`), [`secret-run${round}`], {
        store: id,
        delta: undefined,
        snapshot: state,
      }),
    ],
    [
      {
        tag: 'uploadChunk',
        value: {
          ...vault,
          digest: `secret-digest${round}`,
          position: 0,
          count: 1,
          bytes: new TextEncoder().encode(CANARY),
        },
      },
    ],
    [
      ops.grant(`role:${words('role')}`, 'read', `store:${words('granted')}`),
      { tag: 'addRoleMember', value: { role: words('role'), member: { __identity__: 77n } } },
    ],
    [
      { tag: 'createConsumer', value: { name, ...vault, ...consumer } },
      { tag: 'claimPartition', value: { name, partition: 0, holder: words('holder'), leaseMicros: 3_600_000_000n } },
      { tag: 'joinConsumer', value: { name, holder: words('worker'), leaseMicros: 3_600_000_000n } },
      {
        tag: 'parkEvent',
        value: {
          name,
          partition: 0,
          epoch: 1n,
          eventId: words(`parked${round}`),
          seq: 1n,
          reason: words('reason'),
          attempts: 1,
        },
      },
    ],
  ];
}

/** What everybody may see who may read it: rows of the scope `main`. */
export function common(): Op[] {
  return [
    ops.event('common', 'order.placed'),
    ops.event('news', 'news.today'),
    ops.entity('common'),
    ops.relation('common', 'common', 'common'),
    ops.version('common', [], { move: { branch: 'main' } }),
  ];
}

/** Those who try. Each holds something, and none anything of the vault. */
export const TRIERS: Readonly<Record<string, readonly (readonly [string, string, string?])[]>> = {
  'a stranger': [],
  'a guest': [],
  'a holder of another scope': [
    ['read', 'scope:main'],
    ['write', 'scope:main'],
    ['consume', 'event:**', 'main'],
    ['grant:admin', 'scope:main'],
  ],
  'a holder of one store': [
    ['read', 'store:cart'],
    ['commit', 'store:cart'],
    ['grant:admin', 'store:cart'],
  ],
  'a holder of one entity type': ['read', 'create', 'update', 'delete'].map((action) => [action, 'entity:person']),
  'a holder of one relation type': ['read', 'create', 'update', 'delete'].map((action) => [action, 'relation:knows']),
  'a holder of one pattern of events': ['read', 'publish', 'consume'].map((action) => [action, 'event:order.**']),
  'a holder of one setting': [['configure', 'config:retention']],
};

/** Whether a trier may learn the names of all scopes, as whoever may read something in every one of them. */
export function mayKnowScopes(trier: string): boolean {
  return (TRIERS[trier] ?? []).some(([action, resource, scope]) => {
    return action === 'read' && scope === undefined && !resource.startsWith('scope:');
  });
}

/** The texts of which a trier makes its arguments, by the parameter's name; the others come from all of them. */
export const TEXTS: Readonly<Record<string, readonly string[]>> = {
  scope: ['', 'main', 'vault'],
  store: ['', 'cart', 'secret'],
  cursor: ['', '', '', '0:', '3/'],
  of: ['entity', 'relation'],
  by: ['recorded', 'authored'],
  direction: ['out', 'in', 'both'],
  kind: ['', 'application', 'system'],
  digest: ['secret-digest'],
  pattern: ['', '**', 'secret.kept', 'order.placed'],
  entityType: ['', 'person'],
  relationType: ['', 'knows'],
  tag: ['', 't'],
  name: ['', 'main', 'secret-consumer', 'x'],
  branch: ['', 'secret', 'main'],
  propertiesEncoding: [''],
  deltaEncoding: [''],
  stateEncoding: [''],
  dataEncoding: [''],
  metadataEncoding: [''],
  properties: ['', '{}'],
  delta: ['[]'],
  state: ['{}'],
  action: ['read', 'write', 'grant:admin'],
  resource: ['scope:vault', 'scope:*', 'store:secret', 'event:**', 'entity:*'],
  failurePolicy: ['park'],
};

/** All other texts: what may have been guessed, what there is in `main`, and what nobody has. */
export const OTHER_TEXTS: readonly string[] = [...HANDLES, ...HANDLES, 'common', 'x', '', '0'.repeat(64)];
