import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import { matches } from './matches.ts';
import type { ScenarioEvent } from './scenario-event.ts';

/** Characters of one event or value that a message shows. */
const SHOWN_MAX = 300;

/** Fails unless the events that came are the expected ones, in order; shows them side by side. */
export function assertEvents(came: readonly ScenarioEvent[], expected: readonly ScenarioEvent[]): void {
  const lines = align(came, expected);
  if (lines.every(({ mark }) => mark === '=')) return;
  const missing = lines.filter(({ mark }) => mark === '-').length;
  const surplus = lines.filter(({ mark }) => mark === '+').length;
  throw new AssertionError({
    message:
      `The events are not the expected ones: ${missing} did not come, ${surplus} came that were not expected.\n` +
      `(= as expected, - expected and did not come, + came and was not expected)\n` +
      lines.map(({ mark, event }) => `  ${mark} ${show(event)}`).join('\n'),
    actual: came.map(plain),
    expected: expected.map(plain),
    operator: 'then',
  });
}

/** Fails unless a value is the expected one. */
export function assertValue(what: string, actual: unknown, expected: unknown): void {
  if (matches(actual, expected)) return;
  throw new AssertionError({
    message: `${what} is not the expected one.\n  - ${shorten(inspect(expected, { depth: 8 }))}\n  + ${shorten(inspect(actual, { depth: 8 }))}`,
    actual,
    expected,
    operator: 'then',
  });
}

/** Whether an expected event, with what it leaves out, describes one that came. */
export function isExpected(came: ScenarioEvent, expected: ScenarioEvent): boolean {
  if (came.type !== expected.type) return false;
  if ('data' in expected && !matches(came.data, expected.data)) return false;
  if (expected.source !== undefined && came.source !== expected.source) return false;
  return expected.metadata === undefined || matches(came.metadata, expected.metadata);
}

interface Line {
  readonly mark: '=' | '-' | '+';
  readonly event: ScenarioEvent;
}

/** The shortest way from the expected events to those that came: by their longest common subsequence. */
function align(came: readonly ScenarioEvent[], expected: readonly ScenarioEvent[]): readonly Line[] {
  const common = commonLengths(came, expected);
  const lines: Line[] = [];
  let at = 0;
  let wanted = 0;
  while (at < came.length || wanted < expected.length) {
    const is = came[at];
    const should = expected[wanted];
    if (is !== undefined && should !== undefined && isExpected(is, should)) {
      lines.push({ mark: '=', event: is });
      at += 1;
      wanted += 1;
    } else if (
      should !== undefined &&
      (is === undefined || lengthAt(common, at, wanted + 1) >= lengthAt(common, at + 1, wanted))
    ) {
      lines.push({ mark: '-', event: should });
      wanted += 1;
    } else if (is !== undefined) {
      lines.push({ mark: '+', event: is });
      at += 1;
    }
  }
  return lines;
}

/** For each pair of positions, how many events of the rests are common. */
function commonLengths(
  came: readonly ScenarioEvent[],
  expected: readonly ScenarioEvent[],
): readonly (readonly number[])[] {
  const table: number[][] = Array.from({ length: came.length + 1 }, () => []);
  for (let at = came.length - 1; at >= 0; at -= 1) {
    for (let wanted = expected.length - 1; wanted >= 0; wanted -= 1) {
      const is = came[at];
      const should = expected[wanted];
      const row = table[at];
      if (is === undefined || should === undefined || row === undefined) continue;
      row[wanted] = isExpected(is, should)
        ? 1 + lengthAt(table, at + 1, wanted + 1)
        : Math.max(lengthAt(table, at + 1, wanted), lengthAt(table, at, wanted + 1));
    }
  }
  return table;
}

function lengthAt(table: readonly (readonly number[])[], at: number, wanted: number): number {
  return table[at]?.[wanted] ?? 0;
}

/** An event with what it says, of all that it could. */
function plain({ type, data, source, metadata = {} }: ScenarioEvent): ScenarioEvent {
  const hasMetadata = Object.keys(metadata).length > 0;
  return { type, data, ...(source === undefined ? {} : { source }), ...(hasMetadata ? { metadata } : {}) };
}

function show(event: ScenarioEvent): string {
  const { type, data, ...rest } = plain(event);
  const more = Object.keys(rest).length === 0 ? '' : ` ${inspect(rest, { breakLength: Infinity })}`;
  return shorten(`${type} ${inspect(data, { depth: 8, breakLength: Infinity })}${more}`);
}

function shorten(text: string): string {
  return text.length <= SHOWN_MAX ? text : `${text.slice(0, SHOWN_MAX)}… (${text.length} characters)`;
}
