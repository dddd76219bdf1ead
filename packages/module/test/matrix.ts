/**
 * Who may do what: the table that `docs/permissions.md` is made from and that a test carries out, action by action. The
 * identities each hold just what their row says; all actions are about the scope `main`.
 */
import type { Op } from '../src/wire/index.ts';

/** What one identity of the matrix holds: `[action, resource, scope?]`. */
export interface Holder {
  readonly says: string;
  readonly grants: readonly (readonly [string, string, string?])[];
}

/** The identities, in the order of the columns. */
export const HOLDERS = {
  owner: { says: 'published the module', grants: [] },
  stranger: { says: 'holds nothing; guests are not let in', grants: [] },
  guest: { says: 'holds nothing; guests are let in, and the role `guest` may `read` `event:news.**`', grants: [] },
  expired: { says: 'held `read` and `write` of `scope:*` until a moment ago', grants: [] },
  member: { says: 'is in a role that may `write` `scope:main`', grants: [] },
  elsewhere: {
    says: '',
    grants: [
      ['read', 'scope:lab'],
      ['write', 'scope:lab'],
      ['consume', 'event:**', 'lab'],
      ['grant:admin', 'scope:lab'],
    ],
  },
  reader: { says: '', grants: [['read', 'scope:main']] },
  overseer: { says: '', grants: [['read', 'scope:*']] },
  listener: { says: '', grants: [['read', 'event:order.**']] },
  'entity reader': { says: '', grants: [['read', 'entity:person']] },
  'relation reader': { says: '', grants: [['read', 'relation:knows']] },
  'store reader': { says: '', grants: [['read', 'store:cart']] },
  writer: { says: '', grants: [['write', 'scope:main']] },
  publisher: { says: '', grants: [['publish', 'event:order.**']] },
  creator: { says: '', grants: [['create', 'scope:main']] },
  updater: { says: '', grants: [['update', 'scope:main']] },
  deleter: { says: '', grants: [['delete', 'scope:main']] },
  committer: { says: '', grants: [['commit', 'store:cart']] },
  consumer: { says: '', grants: [['consume', 'event:**']] },
  configurer: { says: '', grants: [['configure', 'config:*']] },
  admin: { says: '', grants: [['grant:admin', 'scope:*']] },
} as const satisfies Readonly<Record<string, Holder>>;

/** An identity of the matrix. */
export type HolderName = keyof typeof HOLDERS;

const WRITERS = ['writer', 'member'] as const;
const CREATORS = [...WRITERS, 'creator'] as const;
const UPDATERS = [...WRITERS, 'updater'] as const;
const DELETERS = [...WRITERS, 'deleter'] as const;
const COMMITTERS = [...WRITERS, 'committer'] as const;
const UPLOADERS = [...WRITERS, 'publisher', 'creator', 'updater', 'deleter', 'committer'] as const;

/** Whoever has a grant at all: what such an op or read tells is no row of anybody's. */
const ANYBODY = Object.keys(HOLDERS).filter(
  (name) => !['owner', 'stranger', 'expired'].includes(name),
) as readonly HolderName[]; // the names of HOLDERS

/** Who may do each op, beside the owner, who may do all. */
export const OPS: Readonly<Record<Op['tag'], readonly HolderName[]>> = {
  publishEvent: [...WRITERS, 'publisher'],
  createEntity: CREATORS,
  updateEntity: UPDATERS,
  deleteEntity: DELETERS,
  createRelation: CREATORS,
  updateRelation: UPDATERS,
  deleteRelation: DELETERS,
  recordVersion: COMMITTERS,
  recordDelta: COMMITTERS,
  recordSnapshot: COMMITTERS,
  moveBranch: COMMITTERS,
  deleteBranch: COMMITTERS,
  createTag: COMMITTERS,
  deleteTag: COMMITTERS,
  uploadChunk: UPLOADERS,
  setConfiguration: ['configurer'],
  grant: ['admin'],
  revoke: ['admin'],
  addRoleMember: [],
  removeRoleMember: [],
  createConsumer: ['consumer'],
  deleteConsumer: ['consumer'],
  claimPartition: ['consumer'],
  releasePartition: ['consumer'],
  advancePartition: ['consumer'],
  parkEvent: ['consumer'],
  discardDeadLetter: ['consumer'],
  trimEvents: [],
  seekConsumer: ['consumer'],
  retryDeadLetter: ['consumer'],
  joinConsumer: ['consumer'],
  leaveConsumer: ['consumer'],
  compactVersions: [],
  pruneVersions: [],
  pruneHistory: [],
  afterRequest: ANYBODY,
};

/** The op that a reducer wraps; null for what is no op and the owner's alone. `apply` takes them all. */
export const REDUCERS: Readonly<Record<string, Op['tag'] | null>> = {
  apply_configuration: 'setConfiguration',
  commit_state_version: 'recordVersion',
  create_entity: 'createEntity',
  create_relation: 'createRelation',
  create_tag: 'createTag',
  delete_entity: 'deleteEntity',
  delete_relation: 'deleteRelation',
  grant_access: 'grant',
  migrate: null,
  move_branch: 'moveBranch',
  publish_event: 'publishEvent',
  record_delta: 'recordDelta',
  record_snapshot: 'recordSnapshot',
  revoke_access: 'revoke',
  trim_events: 'trimEvents',
  update_entity: 'updateEntity',
  update_relation: 'updateRelation',
  upload_chunk: 'uploadChunk',
};

const SCOPE_READERS = ['reader', 'overseer'] as const;
const LISTENERS = [...SCOPE_READERS, 'listener'] as const;
const ENTITY_READERS = [...SCOPE_READERS, 'entity reader'] as const;
const RELATION_READERS = [...SCOPE_READERS, 'relation reader'] as const;
const STORE_READERS = [...SCOPE_READERS, 'store reader'] as const;
/** Who gets from each procedure what there is of it in `main`, beside the owner. */
export const PROCEDURES: Readonly<Record<string, readonly HolderName[]>> = {
  read_audit: [],
  read_branch_moves: STORE_READERS,
  read_branches: STORE_READERS,
  read_chunk: SCOPE_READERS,
  read_compacted_runs: STORE_READERS,
  read_configuration: ['configurer'],
  read_connections: [],
  read_consumer_lag: ['consumer'],
  read_consumer_workers: ['consumer'],
  read_consumers: ['consumer'],
  read_entities: ENTITY_READERS,
  read_entities_at: ENTITY_READERS,
  read_events: LISTENERS,
  read_graph_changes: [...ENTITY_READERS, 'relation reader'],
  read_history: ENTITY_READERS,
  read_history_bound: ANYBODY,
  read_migrations: ANYBODY,
  read_moment: ANYBODY,
  read_neighborhood: RELATION_READERS,
  read_permissions: ['admin'],
  read_relations: RELATION_READERS,
  read_relations_at: RELATION_READERS,
  read_request: [],
  read_scope_page: [...LISTENERS, 'entity reader', 'relation reader', 'store reader', 'guest'],
  read_scopes: [...LISTENERS, 'entity reader', 'relation reader', 'store reader', 'guest'],
  read_state: STORE_READERS,
  read_status: ['overseer'],
  read_stores: STORE_READERS,
  read_tags: STORE_READERS,
  read_version_at: STORE_READERS,
  read_versions: STORE_READERS,
};

/** The page `docs/permissions.md`. */
export function matrixPage(): string {
  const names = Object.keys(HOLDERS) as HolderName[]; // the names of HOLDERS
  const table = (title: string, rows: Readonly<Record<string, readonly HolderName[]>>): string => {
    const head = [title, ...names.map((name) => name.replace(' ', '&nbsp;'))];
    const lines = Object.entries(rows).map(([action, allowed]) =>
      cells([`\`${action}\``, ...names.map((name) => (name === 'owner' || allowed.includes(name) ? '✓' : ''))]),
    );
    return [cells(head), cells(head.map((_, index) => (index === 0 ? '---' : ':-:'))), ...lines].join('\n');
  };
  const holders = Object.entries<Holder>(HOLDERS).map(([name, { says, grants }]) => {
    const list = grants.map(([action, resource, scope]) => {
      return `\`${action}\` of \`${resource}\`${scope === undefined ? '' : ` in \`${scope}\``}`;
    });
    return cells([name, says === '' ? list.join(', ') : says]);
  });
  const wrappers = Object.entries(REDUCERS).map(([name, op]) =>
    cells([`\`${name}\``, op === null ? 'the owner alone' : `\`${op}\``]),
  );
  return [
    '# Who may do what',
    '',
    '<!-- Made from packages/module/test/matrix.ts: UPDATE=1 npx vitest run packages/module/test/matrix.test.ts -->',
    '',
    'Each cell was tried: a test makes a universe with these identities, has each of them carry out each action through the module, and compares with this page. An empty cell means that the action is refused and changes nothing, or that the read gives nothing. What grants, roles and scopes are is told in [the contract of the module](../packages/module/SPEC.md#permissions); what is defended against whom, in [the threat model](threat-model.md).',
    '',
    '## Identities',
    '',
    cells(['name', 'holds']),
    cells(['---', '---']),
    ...holders,
    '',
    '## Writing',
    '',
    'About an event `order.placed`, entities of type `person`, a relation of type `knows` and the store `cart`, all in the scope `main`.',
    '',
    table('op of `apply`', OPS),
    '',
    'Reducers that carry out one op, with the rights of it:',
    '',
    cells(['reducer', 'op']),
    cells(['---', '---']),
    ...wrappers,
    '',
    '## Reading',
    '',
    table('procedure', PROCEDURES),
    '',
  ].join('\n');
}

function cells(values: readonly string[]): string {
  return `| ${values.join(' | ')} |`;
}
