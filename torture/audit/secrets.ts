import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Universe } from 'inner-universe';
import { CLEAR_TEXT, noteOf, SECRET } from '../secrets.ts';
import type { Findings } from './findings.ts';
import type { KnownDeed } from './writer-deeds.ts';

/** With the key every secret opens that was acknowledged, and nothing else is in it. */
export async function auditSecrets(universe: Universe, deeds: readonly KnownDeed[], findings: Findings): Promise<void> {
  const found = new Map((await universe.graph.query({ type: SECRET })).map(({ id, properties }) => [id, properties]));
  for (const { deed, fate, code } of deeds) {
    if (deed.type !== 'secret') continue;
    findings.count(`secrets ${fate}`);
    const note = found.get(deed.id)?.['note'];
    findings.require(fate !== 'refused', 'a write is refused for what it needs alone', deed.id, `${deed.id}: ${code}`);
    if (fate === 'done' || note !== undefined)
      findings.require(
        note === noteOf(deed.id),
        'what was sealed opens',
        deed.id,
        `${deed.id} says ${JSON.stringify(note)}`,
      );
  }
}

/** None of the server's files has a secret in the clear. `known` is what they must have: else nothing was looked at. */
export async function auditFiles(directory: string, known: string, findings: Findings): Promise<void> {
  let isReadable = false;
  for (const entry of await readdir(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    // What Node 20 calls by another name than its types.
    const path = join((entry as { readonly path?: string }).path ?? entry.parentPath, entry.name);
    findings.count('files of the server looked through');
    const bytes = await readFile(path);
    isReadable ||= bytes.includes(known);
    const isClear = bytes.includes(CLEAR_TEXT);
    findings.require(!isClear, 'what was sealed is nowhere in the clear', path, `${path} has it in the clear`);
  }
  findings.require(isReadable, 'what is in the clear is found in the files', known, `${known} is in no file`);
}
