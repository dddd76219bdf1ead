import type { Universe } from 'inner-universe';
import { BOARD, sideOf, type Side } from '../deeds.ts';
import type { Findings } from './findings.ts';
import type { KnownDeed } from './writer-deeds.ts';

/** Tags point where it was acknowledged that they do, and what was merged is merged. */
export async function auditReferences(
  universe: Universe,
  deeds: readonly KnownDeed[],
  findings: Findings,
): Promise<void> {
  await auditTags(universe, deeds, findings);
  for (const writer of new Set(deeds.map((known) => known.writer)))
    await auditMerges(universe, writer, { deeds: deeds.filter((known) => known.writer === writer), findings });
}

async function auditTags(universe: Universe, deeds: readonly KnownDeed[], findings: Findings): Promise<void> {
  const store = await universe.states.open(BOARD);
  const tags = new Map((await store.tags()).map(({ name, versionId }) => [name, versionId]));
  for (const { deed, fate, code } of deeds) {
    if (deed.type !== 'tag') continue;
    findings.count(`tags ${fate}`);
    const found = tags.get(deed.id);
    const isRight = found === deed.version;
    if (fate === 'done')
      findings.require(
        isRight,
        'a tag points where it was set',
        deed.id,
        `${deed.id} is at ${found}, not ${deed.version}`,
      );
    else findings.require(found === undefined || isRight, 'a tag points where it was set', deed.id, `at ${found}`);
    findings.require(fate !== 'refused', 'a tag is not refused', deed.id, `${deed.id}: ${code}`);
  }
}

async function auditMerges(
  universe: Universe,
  writer: string,
  { deeds, findings }: { readonly deeds: readonly KnownDeed[]; readonly findings: Findings },
): Promise<void> {
  const name = sideOf(writer);
  const merges = deeds.filter(({ deed }) => deed.type === 'merge');
  if (merges.length === 0 || !(await universe.states.has(name))) return;
  const store = await universe.states.open<Side>(name);
  const { branched, beside } = store.state;
  for (const { deed, fate, number, code } of merges) {
    findings.count(`merges ${fate}`);
    findings.require(fate !== 'refused', 'a merge without a conflict is not refused', deed.id, `${deed.id}: ${code}`);
    const has = branched[deed.id] === number && beside[deed.id] === number;
    if (fate === 'done')
      findings.require(has, 'what was merged has both sides', deed.id, `${branched[deed.id]}, ${beside[deed.id]}`);
    // The merge comes last: who has what was branched has what was made beside it.
    const isHalf = branched[deed.id] !== undefined && beside[deed.id] === undefined;
    findings.require(!isHalf, 'a merge is made whole or not at all', deed.id, `${deed.id} is merged in part`);
  }
  const result = await store.verify();
  if (result.ok) findings.count('versions verified', result.versions);
  else findings.add('every version verifies', result.versionId, `${name} ${result.versionId}: ${result.reason}`);
}
