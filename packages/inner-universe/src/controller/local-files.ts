import { readFile } from 'node:fs/promises';

/** What a file of this machine holds. In a file of its own: it is left out of browsers. @throws what Node does */
export function readTextFile(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
