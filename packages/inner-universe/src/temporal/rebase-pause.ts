import type { Timers } from '@inner-universe/nerv';

/** A commit that lost so many races gives up. */
export const REBASES_MAX = 64;

/** So many races are lost at no cost: whoever wins is done, and the next round has one less. */
const FREE = 4;
/** Who lost so many times does not wait any more, so that it goes before those who lost less. */
const STARVED = 12;
const PAUSE_MS_MAX = 160;
const PAUSE_MS_MIN = 5;

/**
 * Waits before a commit that lost its race is sent again: not at all at first, then for a time that differs from writer
 * to writer and grows, and not at all any more for one that lost often.
 */
export async function pauseBefore(losses: number, versionId: string, timers: Timers): Promise<void> {
  const delayMs = pauseMs(losses, versionId);
  if (delayMs > 0) await new Promise<void>((resolve) => void timers.schedule(resolve, delayMs));
}

/** How long that is, in milliseconds. */
export function pauseMs(losses: number, versionId: string): number {
  if (losses <= FREE || losses > STARVED) return 0;
  const rangeMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (losses - FREE));
  return (hashOf(`${versionId}/${losses}`) / 2 ** 32) * rangeMs;
}

/** FNV-1a. No two writers have the same version id, so no two wait in step; and nothing here needs to be random. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
