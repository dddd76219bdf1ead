import { NervError } from '../errors.ts';

/** Appends one segment to a JSON pointer (RFC 6901). */
export function appendPointer(pointer: string, segment: string | number): string {
  return `${pointer}/${typeof segment === 'number' ? segment : escapeSegment(segment)}`;
}

/**
 * The segments of a JSON pointer (RFC 6901), unescaped; the whole document is `[]`.
 * @throws `state/invalid-patch` when the text is no pointer.
 */
export function parsePointer(pointer: string): string[] {
  if (pointer === '') return [];
  checkPointer(pointer);
  return pointer.slice(1).split('/').map(unescapeSegment);
}

/** Passes what is a JSON pointer (RFC 6901). @throws `state/invalid-patch` */
export function checkPointer(pointer: string): void {
  if (pointer !== '' && (!pointer.startsWith('/') || /~(?![01])/.test(pointer))) {
    throw new NervError(
      'state/invalid-patch',
      `'${pointer}' is no JSON pointer: it starts with '/', and has '~0' for '~', '~1' for '/'.`,
      { details: { path: pointer } },
    );
  }
}

function escapeSegment(segment: string): string {
  return segment.includes('~') || segment.includes('/') ? segment.replaceAll('~', '~0').replaceAll('/', '~1') : segment;
}

function unescapeSegment(segment: string): string {
  return segment.includes('~') ? segment.replaceAll('~1', '/').replaceAll('~0', '~') : segment;
}
