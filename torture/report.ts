import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { mebibytes } from './cast.ts';
import { readJournal } from './journal.ts';
import type { TortureReport } from './torture.ts';

/** What is told of one finding, at most. */
const LINES_MAX = 40;
const FINDINGS_SHOWN = 20;

/** A report for people: what happened, and of what was found wrong, what led to it and how to see it again. */
export function formatReport(
  report: TortureReport,
  { directory, seed, seconds }: { readonly directory: string; readonly seed: string; readonly seconds: number },
): string {
  const { findings, troubles, starts, cuts, peakBytes } = report;
  const lines = [
    `troubles: ${list(troubles)}; ${cuts} connections cut`,
    `starts: ${list(Object.entries(starts))}`,
    `counts: ${list(Object.entries(findings.counts).sort(([a], [b]) => (a < b ? -1 : 1)))}`,
    `most memory, MiB: ${list([...peakBytes].map(([name, bytes]): [string, number] => [name, mebibytes(bytes)]))}`,
  ];
  for (const { promise, about, what } of findings.list.slice(0, FINDINGS_SHOWN)) {
    lines.push('', `BROKEN  ${promise}`, `  ${what}`, ...linesAbout(directory, about).map((line) => `    ${line}`));
  }
  const rest = findings.list.length - FINDINGS_SHOWN;
  if (rest > 0) lines.push('', `and ${rest} more`);
  if (findings.list.length === 0) lines.push('every promise held');
  else lines.push('', `everything lies in ${directory}; again: npm run torture -- --seconds ${seconds} --seed ${seed}`);
  return `${lines.join('\n')}\n`;
}

function list(counts: Iterable<readonly [string, number]>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}

/** What the journals say of a thing, with the troubles of that time among it. */
function linesAbout(directory: string, about: string): readonly string[] {
  if (about === '') return [];
  const names = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  const own: { readonly at: number; readonly text: string }[] = [];
  const all: { readonly at: number; readonly text: string }[] = [];
  for (const name of names) {
    const numbers = new Set<number>();
    for (const entry of readJournal(join(directory, name))) {
      const { at = 0, begin, done, refused } = entry as Readonly<Record<string, number | undefined>>; // of a writer's
      const text = JSON.stringify(entry);
      const isMeant = text.includes(`"${about}"`);
      if (isMeant && begin !== undefined) numbers.add(begin);
      if (isMeant || numbers.has(done ?? refused ?? -1)) own.push({ at, text: `${name} ${text}` });
      else if (name === 'chaos.jsonl' || 'run' in entry) all.push({ at, text: `${name} ${text}` });
    }
  }
  const times = own.map(({ at }) => at).filter((at) => at > 0);
  const from = Math.min(...times) - 1_000;
  const to = Math.max(...times) + 3_000;
  const around = all.filter(({ at }) => at >= from && at <= to);
  return [...own, ...around]
    .sort((a, b) => a.at - b.at)
    .slice(0, LINES_MAX)
    .map(({ text }) => text);
}
