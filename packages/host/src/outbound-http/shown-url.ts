/**
 * A URL as error texts show it: without query and fragment, where secrets may be, and without user and password. Also
 * for text that is no URL.
 */
export function showUrl(text: string): string {
  const [head = ''] = text.split(/[?#]/, 1);
  return head.replace(/^([a-z][a-z0-9+.-]*:)?([/\\]*)[^/\\@]*@/i, '$1$2').slice(0, SHOWN_LENGTH_MAX);
}

const SHOWN_LENGTH_MAX = 500;
