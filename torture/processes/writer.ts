/**
 * Writes to a universe until it is killed, or told to stop: ADDRESS TOKEN NAME DIRECTORY SEED MODE. Its journal and its
 * outbox are in the directory; what an earlier run left in the outbox is sent by this one.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openUniverse, type WorkItem } from 'inner-universe';
import { Chance } from '../chance.ts';
import {
  BOARD,
  EMPTY_BOARD,
  EMPTY_SIDE,
  sideOf,
  type Board,
  type Deed,
  type Side,
  type WriterEntry,
} from '../deeds.ts';
import { Journal, readJournal } from '../journal.ts';
import { noteOf, sealing, SECRET } from '../secrets.ts';
import { SideStore } from './side-store.ts';
import { describe, nextCommand, say } from './told.ts';

/** Deeds that wait for their answers, before the writer waits too. */
const UNDER_WAY_MAX = 300;
const PAUSE_MS_MAX = 30;
const SETTLE_MS = 50;
const SETTLE_LOOKS_MAX = 200;
/** What is said of a commit that is being made anew. */
const UNDECIDED: ReadonlySet<string> = new Set(['state/unknown-parent', 'state/bad-chain-hash', 'state/id-taken']);
/** Entities of its own that it knows to be there. */
const ENTITIES_MAX = 40;
/** Versions that it may tag. */
const VERSIONS_MAX = 10;

const [server = '', token = '', name = '', directory = '', seed = '', mode = ''] = process.argv.slice(2);
const path = join(directory, `${name}.jsonl`);
const earlier = readJournal(path) as readonly WriterEntry[];
const run = earlier.filter((entry) => 'run' in entry).length;
let number = Math.max(-1, ...earlier.flatMap((entry) => ('begin' in entry ? [entry.begin] : []))) + 1;
const journal = new Journal(path);
const note = (entry: object): void => journal.write({ at: Date.now(), ...entry });
note({ run, pid: process.pid });
const chance = new Chance(`${seed} ${name} ${run}`);
const universe = await openUniverse({
  server,
  token,
  source: name,
  offline: 'allow',
  encryption: await sealing(directory),
  outbox: { store: join(directory, `${name}-outbox`), mode: mode === 'always' ? 'always' : 'offline' },
  reconnectForMs: Number.POSITIVE_INFINITY,
  connectTimeoutMs: 3_000,
  onError: (error) => note({ error: describe(error) }),
});
say({ ready: true });
const store = await universe.states.open<Board>(BOARD, EMPTY_BOARD);
const side = new SideStore(await universe.states.open<Side>(sideOf(name), EMPTY_SIDE));
const entities: string[] = [];
/** Versions of the board that were acknowledged; the last few. */
const versions: string[] = [];
const underWay = new Set<Promise<unknown>>();
let isStopping = false;
const stopped = nextCommand().then(() => (isStopping = true));

while (!isStopping) {
  begin(makeDeed());
  if (chance.is(0.05)) await secure();
  if (chance.is(0.1))
    void universe.events.publish('noise', { from: name }, { durability: 'ephemeral' }).catch(() => undefined);
  while (underWay.size >= UNDER_WAY_MAX && !isStopping) await Promise.race([...underWay, stopped]);
  if (chance.is(0.8)) await sleep(chance.between(0, PAUSE_MS_MAX));
}
await Promise.all(underWay);
await secure();
await settle();
// What was set aside stays so: nobody is there who could make it anew.
for (const { ops, reason } of universe.client.work.list('rejected'))
  note({ rejected: ops.map(idOf), code: reason?.code ?? '' });
const { pending, blocked, rejected } = universe.client.work.summary.getSnapshot();
say({ pending, blocked, rejected, callsInFlight: universe.client.callsInFlight });
await universe.close();
journal.close();
process.exit(0);

function makeDeed(): Deed {
  const id = `${name}-${number}`;
  const weights = {
    event: 10,
    commit: 4,
    create: 3,
    'create-pair': 2,
    update: 5,
    delete: 1,
    tag: 1,
    merge: 1,
    secret: 2,
  };
  const type = chance.weighted(weights);
  if (type === 'event') return { type, id, key: `${name}-${chance.between(0, 3)}` };
  if (type === 'commit') return { type, id, style: chance.is(0.5) ? 'own-field' : 'shared-total' };
  if (type === 'merge' || type === 'secret') return { type, id };
  if (type === 'tag')
    return versions.length === 0 ? { type: 'secret', id } : { type, id, version: chance.pick(versions) };
  const [known] = entities.length === 0 ? [] : [chance.pick(entities)];
  if (type === 'update' && known !== undefined) return { type, id: known, value: number };
  if (known !== undefined && (type === 'delete' || entities.length >= ENTITIES_MAX)) {
    entities.splice(entities.indexOf(known), 1);
    return { type: 'delete', id: known };
  }
  if (type === 'create-pair') return { type, id, other: `${id}-b`, relation: `${id}-r` };
  return { type: 'create', id };
}

function begin(deed: Deed): void {
  const own = number++;
  note({ begin: own, deed });
  const doing = perform(deed, own).then(
    () => {
      note({ done: own });
      if (deed.type === 'create' || deed.type === 'create-pair') entities.push(deed.id);
      if (deed.type !== 'commit') return;
      versions.push(deed.id);
      if (versions.length > VERSIONS_MAX) versions.shift();
    },
    (error: unknown) => {
      const code = (error as { code?: unknown }).code;
      note({ refused: own, code: typeof code === 'string' ? code : describe(error) });
    },
  );
  underWay.add(doing);
  void doing.finally(() => underWay.delete(doing));
}

async function perform(deed: Deed, own: number): Promise<unknown> {
  const { events, graph } = universe;
  const properties = { by: name, value: own };
  switch (deed.type) {
    case 'event':
      return events.publish('work.done', { by: name, number: own }, { id: deed.id, source: deed.key });
    case 'commit':
      return deed.style === 'own-field'
        ? store.commit((board) => (board.own[name] = own), { id: deed.id, description: 'own-field' })
        : store.commit((board) => (board.total += 1), {
            id: deed.id,
            description: 'shared-total',
            onConflict: 'rerun',
          });
    case 'create':
      return chance.is(0.5)
        ? graph.createEntity('item', { id: deed.id, properties })
        : graph.batch((batch) => batch.createEntity('item', { id: deed.id, properties }));
    case 'create-pair':
      return graph.batch((batch) => {
        batch.createEntity('item', { id: deed.id, properties });
        batch.createEntity('item', { id: deed.other, properties });
        batch.createRelation('pair', { id: deed.relation, from: deed.id, to: deed.other });
      });
    case 'update':
      return graph.batch((batch) => batch.updateEntity(deed.id, { properties: { value: deed.value } }));
    case 'tag':
      return store.tag(deed.id, deed.version);
    case 'merge':
      return side.branchAndMerge(deed.id, own);
    case 'secret':
      return graph.createEntity(SECRET, { id: deed.id, properties: { note: noteOf(deed.id) } });
    case 'delete':
      return graph.batch((batch) => batch.deleteEntity(deed.id, { cascade: true }));
  }
}

/** Waits for what earlier runs left as well: nobody else does. */
async function settle(): Promise<void> {
  const isOver = (): boolean => {
    const { pending, blocked } = universe.client.work.summary.getSnapshot();
    return pending + blocked + store.pending.length === 0;
  };
  while (!isOver()) await sleep(SETTLE_MS);
  // What was made anew is looked for on the server before it is forgotten here.
  const isUndecided = (): boolean =>
    universe.client.work.list('rejected').some(({ reason }) => UNDECIDED.has(reason?.code ?? ''));
  for (let looks = 0; looks < SETTLE_LOOKS_MAX && isUndecided(); looks += 1) await sleep(SETTLE_MS);
}

/** Waits until what was begun so far is answered or kept, and says so. */
async function secure(): Promise<void> {
  const last = number - 1;
  await universe.client.work.secured();
  note({ secured: last });
}

function idOf({ tag, value }: WorkItem['ops'][number]): string {
  const fields = value as unknown as Readonly<Record<string, unknown>>; // each op has an id under a name of its own
  const id = [fields['eventId'], fields['versionId'], fields['id']].find((field) => typeof field === 'string');
  return `${tag} ${id ?? ''}`;
}
