import type { Universe } from 'inner-universe';
import type { Deed } from '../deeds.ts';
import type { Findings } from './findings.ts';
import type { KnownDeed } from './writer-deeds.ts';

/** How many histories are read at a time. */
const AT_A_TIME = 16;
/** What a write may meet whose entity was made by a write that got lost with its process. */
const EXPECTED_REFUSALS: ReadonlySet<string> = new Set(['entity/not-found']);

/** Deeds about the entities and relations that are looked at here. */
const OF_ITEMS: ReadonlySet<Deed['type']> = new Set(['create', 'create-pair', 'update', 'delete']);

/** What was written to each entity is in its history once, in order; what is current follows from it. */
export async function auditGraph(universe: Universe, deeds: readonly KnownDeed[], findings: Findings): Promise<void> {
  const byEntity = new Map<string, KnownDeed[]>();
  const enter = (id: string, deed: KnownDeed): void => {
    const others = byEntity.get(id);
    if (others === undefined) byEntity.set(id, [deed]);
    else others.push(deed);
  };
  for (const known of deeds) {
    const { deed } = known;
    if (!OF_ITEMS.has(deed.type)) continue;
    findings.count(`graph writes ${known.fate}`);
    enter(deed.id, known);
    if (deed.type === 'create-pair') enter(deed.other, known);
  }
  const waiting = [...byEntity];
  const work = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
      await auditEntity(universe, ...next, findings);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  const current = new Set((await universe.graph.query({ type: 'item' })).map(({ id }) => id));
  for (const id of current)
    findings.require(byEntity.has(id), 'nothing is in the graph that nobody wrote', id, `nobody made ${id}`);
  for (const { id, from, to } of await universe.graph.queryRelations({ type: 'pair' })) {
    findings.require(current.has(from) && current.has(to), 'a relation has both its ends', id, `${from} to ${to}`);
  }
}

async function auditEntity(
  universe: Universe,
  id: string,
  deeds: readonly KnownDeed[],
  findings: Findings,
): Promise<void> {
  const history = await universe.graph.history(id);
  const values = history.map(({ row }) => Number((row.properties as { value?: unknown }).value));
  const isCurrent = (await universe.graph.getEntity(id)) !== undefined;
  let place = 0;
  for (const { deed, fate, number, code } of deeds) {
    if (fate === 'refused') {
      const isExpected = EXPECTED_REFUSALS.has(code ?? '');
      findings.require(isExpected, 'a write is refused for what it needs alone', id, `${number} on ${id}: ${code}`);
    }
    if (deed.type === 'delete') {
      if (fate === 'done' || fate === 'secured')
        findings.require(!isCurrent, `a deletion that was ${fate} is so`, id, `${id} is there, deleted by ${number}`);
      if (fate === 'refused' && history.length > 0)
        findings.require(isCurrent, 'what was refused changed nothing', id, `${id} is gone`);
      continue;
    }
    const at = values.indexOf(number);
    const isThere = at >= 0;
    if (fate === 'done' || fate === 'secured')
      findings.require(isThere, `a write to the graph that was ${fate} is there`, id, `${number} is not in ${id}`);
    if (!isThere) continue;
    findings.require(
      fate !== 'refused',
      'what was refused changed nothing',
      id,
      `${number} is in ${id}, though refused`,
    );
    findings.require(values.lastIndexOf(number) === at, 'a write is done once', id, `${number} is in ${id} twice`);
    findings.require(
      at >= place,
      'the writes of one process are done in order',
      id,
      `${number} in ${id}: ${values.join(', ')}`,
    );
    place = at;
  }
  if (deeds.every(({ deed }) => deed.type !== 'delete'))
    findings.require(isCurrent === history.length > 0, 'what nobody deleted is there', id, `${id} is gone`);
}
