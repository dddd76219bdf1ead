import pc from 'picocolors';

/** Where a command's words go: results to `out`, everything said on the way to `err`. */
export interface Output {
  readonly isTerminal: boolean;
  out(text: string): void;
  err(text: string): void;
}

/** The process's own streams. A reader that went away (`| head`) ends the program quietly. */
export function createProcessOutput(): Output {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    isTerminal: process.stderr.isTTY === true,
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(text),
  };
}

/** JSON with what JSON lacks shown as what comes nearest: large integers in decimal, bytes in base64, sets as arrays. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => {
      if (typeof item === 'bigint') {
        return item >= BigInt(Number.MIN_SAFE_INTEGER) && item <= BigInt(Number.MAX_SAFE_INTEGER)
          ? Number(item)
          : item.toString();
      }
      if (item instanceof Uint8Array) return Buffer.from(item).toString('base64');
      return item instanceof Map || item instanceof Set ? [...item] : item;
    },
    indent,
  );
}

/** Rows under headings, columns as wide as they need; numbers to the right. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly (string | number | bigint)[])[],
): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? cell : formatCount(cell))));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...texts.map((row) => (row[column] ?? '').length)),
  );
  const isNumeric = headings.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] !== 'string'),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [pc.dim(line(headings)), ...texts.map(line)].join('\n');
}

/** A whole number with thousands apart. */
export function formatCount(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** A time in microseconds since 1970 as ISO 8601 in UTC. */
export function formatMicros(micros: bigint): string {
  const milliseconds = Number(micros / 1000n);
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : `${micros}µs`;
}

/** A text on one line, cut with an ellipsis, control characters shown as what they are. */
export function oneLine(text: string, width: number): string {
  // eslint-disable-next-line no-control-regex
  const clean = (text.split('\n', 1)[0] ?? '').replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd');
  return clean.length <= width ? clean : `${clean.slice(0, Math.max(0, width - 1))}…`;
}
