/** A text of a server for a terminal: its lines, with control characters shown as what they are. */
export function plainText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  return text.replaceAll('\r\n', '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** A text of a server as a sentence: cut to a bearable length, with a full stop. */
export function asSentence(text: string): string {
  const plain = plainText(text).trim();
  const cut = plain.length > SENTENCE_LENGTH_MAX ? `${plain.slice(0, SENTENCE_LENGTH_MAX)}…` : plain;
  return /[.!?…]$/.test(cut) ? cut : `${cut}.`;
}

const SENTENCE_LENGTH_MAX = 8_000;

/** The first line of a text of a server, cut to a width. */
export function firstLine(text: string, width: number): string {
  const line = plainText(text).split('\n', 1)[0] ?? '';
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
