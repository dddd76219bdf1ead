import type { Chunk } from './chunk.ts';

/** The chunks that two trees have at the level of the lower one. */
export function levelled(a: Chunk | undefined, b: Chunk | undefined): [readonly Chunk[], readonly Chunk[]] {
  let chunksA: readonly Chunk[] = a === undefined ? [] : [a];
  let chunksB: readonly Chunk[] = b === undefined ? [] : [b];
  while (levelOf(chunksA) > levelOf(chunksB)) chunksA = chunksA.flatMap(({ children }) => children);
  while (levelOf(chunksB) > levelOf(chunksA)) chunksB = chunksB.flatMap(({ children }) => children);
  return [chunksA, chunksB];
}

/** The level of neighbouring chunks; 0 when there are none. */
export function levelOf(chunks: readonly Chunk[]): number {
  return chunks[0]?.level ?? 0;
}
