import type { Universe } from 'inner-universe';
import { BOARD, PARTITIONS, type Board } from '../deeds.ts';
import type { Findings } from './findings.ts';
import type { KnownDeed } from './writer-deeds.ts';

/** Refusals that somebody who commits to what others commit to must expect. */
const EXPECTED_REFUSALS: ReadonlySet<string> = new Set(['state/version-conflict']);

/** What was committed is in the history once, nothing is lost under it, and all of it verifies. */
export async function auditStates(universe: Universe, deeds: readonly KnownDeed[], findings: Findings): Promise<void> {
  const commits = deeds.filter(({ deed }) => deed.type === 'commit');
  const store = await universe.states.open<Board>(BOARD);
  const versions = await store.log();
  const recorded = new Map<string, string>();
  for (const { id, description } of versions) {
    findings.require(!recorded.has(id), 'a version is recorded once', id, `${id} is there twice`);
    recorded.set(id, description);
  }
  const own = new Map<string, number>();
  for (const { deed, fate, code, writer, number } of commits) {
    findings.count(`commits ${fate}`);
    const isThere = recorded.has(deed.id);
    if (fate === 'done' || fate === 'secured')
      findings.require(isThere, `a commit that was ${fate} is in the history`, deed.id, `${deed.id} is not there`);
    if (fate === 'refused') {
      findings.require(!isThere, 'what was refused changed nothing', deed.id, `${deed.id} is there, though refused`);
      const isExpected = EXPECTED_REFUSALS.has(code ?? '');
      findings.require(isExpected, 'a commit is refused for conflicts alone', deed.id, `${deed.id}: ${code}`);
    }
    if (isThere && deed.type === 'commit' && deed.style === 'own-field') own.set(writer, number);
  }
  const totals = versions.filter(({ description }) => description === 'shared-total').length;
  const { state } = store;
  findings.require(
    state.total === totals,
    'no commit is lost under another',
    BOARD,
    `the board counts ${state.total}, its history has ${totals} versions that raised it`,
  );
  for (const [writer, number] of own) {
    findings.require(
      state.own[writer] === number,
      'the commits of one process are recorded in order',
      writer,
      `the board has ${state.own[writer]} for ${writer}, its last commit was ${number}`,
    );
  }
  for (const name of [BOARD, ...Array.from({ length: PARTITIONS }, (_, partition) => `tally-${partition}`)]) {
    if (!(await universe.states.has(name))) continue;
    const checked = await universe.states.open(name);
    const result = await checked.verify();
    if (result.ok) findings.count('versions verified', result.versions);
    else findings.add('every version verifies', result.versionId, `${name} ${result.versionId}: ${result.reason}`);
  }
}
