import type { Deed, WriterEntry } from '../deeds.ts';

/** What became of a deed, as far as its writer was told. */
export type Fate = 'done' | 'refused' | 'secured' | 'unknown';

/** A deed and its fate. */
export interface KnownDeed {
  readonly writer: string;
  readonly number: number;
  /** Which start of the writer began it. */
  readonly run: number;
  readonly deed: Deed;
  readonly fate: Fate;
  readonly code: string | undefined;
}

/** What a writer did, as its journal tells, in order. */
export function readDeeds(writer: string, entries: readonly WriterEntry[]): readonly KnownDeed[] {
  const deeds = new Map<number, KnownDeed>();
  const byId = new Map<string, number[]>();
  let run = 0;
  const end = (number: number, fate: Fate, code?: string): void => {
    const known = deeds.get(number);
    if (known !== undefined) deeds.set(number, { ...known, fate, code });
  };
  for (const entry of entries) {
    if ('run' in entry) run = entry.run;
    else if ('begin' in entry) {
      const { begin: number, deed } = entry;
      deeds.set(number, { writer, number, run, deed, fate: 'unknown', code: undefined });
      byId.set(deed.id, [...(byId.get(deed.id) ?? []), number]);
    } else if ('done' in entry) end(entry.done, 'done');
    else if ('refused' in entry) end(entry.refused, 'refused', entry.code);
    else if ('secured' in entry) {
      // What an earlier run did not get to secure went with it.
      for (const { number, fate, run: own } of deeds.values()) {
        const isMeant = own === run && number <= entry.secured;
        if (isMeant && fate === 'unknown') end(number, 'secured');
      }
    } else if ('rejected' in entry) {
      // Of an earlier run too: nobody waits for its answer any more.
      for (const text of entry.rejected) endRejected(text, entry.code);
    }
  }
  return [...deeds.values()];

  function endRejected(text: string, code: string): void {
    const [tag = '', id = ''] = text.split(' ');
    for (const number of byId.get(id) ?? []) {
      const known = deeds.get(number);
      if (known !== undefined && known.fate !== 'done' && isAbout(known.deed, tag)) end(number, 'refused', code);
    }
  }
}

/** Whether an op of that tag is what a deed is made of. */
function isAbout({ type }: Deed, tag: string): boolean {
  const types: Readonly<Record<string, readonly Deed['type'][]>> = {
    publishEvent: ['event'],
    recordVersion: ['commit'],
    createEntity: ['create', 'create-pair'],
    updateEntity: ['update'],
    deleteEntity: ['delete'],
  };
  return types[tag]?.includes(type) ?? false;
}
