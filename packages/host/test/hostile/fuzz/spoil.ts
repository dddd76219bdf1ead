import fc from 'fast-check';

/** One way to spoil something of a length: where, how much of it, and by what. Places are taken modulo the length. */
interface Damage<Part> {
  readonly at: number;
  readonly removed: number;
  readonly inserted: readonly Part[];
}

/** Sound sequences, spoiled in up to `damagesMax` places by parts such as `part` gives. */
export function spoiled<Part>(
  sound: fc.Arbitrary<readonly Part[]>,
  part: fc.Arbitrary<Part>,
  damagesMax: number,
): fc.Arbitrary<readonly Part[]> {
  const damage: fc.Arbitrary<Damage<Part>> = fc.record({
    at: fc.nat(),
    removed: fc.oneof({ weight: 4, arbitrary: fc.nat({ max: 4 }) }, { weight: 1, arbitrary: fc.nat({ max: 200 }) }),
    inserted: fc.array(part, { maxLength: 5 }),
  });
  return fc
    .tuple(sound, fc.array(damage, { maxLength: damagesMax }))
    .map(([list, damages]) => damages.reduce(applyDamage<Part>, list));
}

function applyDamage<Part>(list: readonly Part[], { at, removed, inserted }: Damage<Part>): readonly Part[] {
  const start = at % (list.length + 1);
  return [...list.slice(0, start), ...inserted, ...list.slice(start + removed)];
}
