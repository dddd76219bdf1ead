/** A text that stays within its cell. */
export function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** A table of Markdown whose columns are aligned, as the formatter has them. */
export function makeTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) => Math.max(3, name.length, ...rows.map((row) => widthOf(row[column] ?? ''))));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell))).join(' | ')} |\n`;
  return line(head) + `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n` + rows.map(line).join('');
}

function widthOf(text: string): number {
  return Array.from(text).length;
}
