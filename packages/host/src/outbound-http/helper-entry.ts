import { makeSourceEntry } from '../thread/source-entry.ts';

/** Address of the helper thread's code. To be found on the host's side: a worker made of source text has no place. */
export function findHelperEntry(): string {
  const isSource = import.meta.url.endsWith('.ts');
  const entry = isSource
    ? makeSourceEntry(new URL('./helper-worker.ts', import.meta.url))
    : new URL('./helper-worker.js', import.meta.url);
  return entry.href;
}
