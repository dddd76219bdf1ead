import { openTarget, type OpenTargetOptions, type Target, type TargetOptions } from '../target.ts';
import type { CommandContext } from './context.ts';

/** Options that every command about a universe has. */
export interface LookOptions extends TargetOptions {
  readonly json?: boolean | undefined;
}

/** Opens the universe, runs the command, and closes it again, also when the command fails. */
export async function withUniverse(
  options: LookOptions,
  context: CommandContext,
  work: (target: Target) => Promise<void>,
  how: Pick<OpenTargetOptions, 'migrate' | 'logger'> = {},
): Promise<void> {
  const target = await openTarget(options, { ...how, signal: context.signal });
  try {
    await work(target);
  } finally {
    await target.universe.close();
  }
}
