import fc from 'fast-check';

/** Something that takes input from strangers, and what it must keep to whatever they send. */
export interface FuzzTarget<Input> {
  readonly name: string;
  /** Inputs, sound ones and others. */
  readonly inputs: fc.Arbitrary<Input>;
  /** An input as one line of text, to be kept or replayed. */
  write(input: Input): string;
  /** The input that a line stands for. */
  read(line: string): Input;
  /** Feeds one input. Throws when a promise of the host was broken. */
  run(input: Input): Promise<void> | void;
}

export interface FuzzOptions {
  readonly runs: number;
  /** Absent: by chance. */
  readonly seed?: number | undefined;
}

/** How long the host may take for one input, in milliseconds. */
const INPUT_MS = 30_000;

/**
 * Feeds a target until `runs` inputs went well. The first that does not is made smaller as far as it goes; the error
 * names the seed, and the input by a line for `REPLAY`.
 */
export async function fuzz<Input>(target: FuzzTarget<Input>, { runs, seed }: FuzzOptions): Promise<void> {
  const details = await fc.check(
    fc.asyncProperty(target.inputs, async (input) => target.run(input)),
    { numRuns: runs, timeout: INPUT_MS, ...(seed === undefined ? {} : { seed }) },
  );
  if (!details.failed) return;
  const [input] = details.counterexample ?? [];
  const line = input === undefined ? '(none found)' : target.write(input);
  const cause = details.errorInstance;
  throw new Error(
    `fuzzing ${target.name} failed after ${details.numRuns} inputs. Seed: SEED=${details.seed}. ` +
      `Again with this input alone: REPLAY='${target.name} ${line}'\n${cause instanceof Error ? cause.message : String(cause)}`,
    { cause },
  );
}

/** What the environment asks for: `RUNS` says how many inputs, `SEED` repeats, `REPLAY` feeds one input alone. */
export function readFuzzOptions(runsDefault: number): FuzzOptions & { readonly replay: string | undefined } {
  const { RUNS, SEED, REPLAY } = process.env;
  return {
    runs: RUNS === undefined ? runsDefault : Number(RUNS),
    seed: SEED === undefined ? undefined : Number(SEED),
    replay: REPLAY,
  };
}
