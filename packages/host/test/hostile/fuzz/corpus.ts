import { readFileSync } from 'node:fs';

/** The kept inputs of a target: sound ones to start from, and whatever once broke a promise. One a line; # comments. */
export function readCorpus(name: string): readonly string[] {
  const text = readFileSync(new URL(`corpus/${name}.txt`, import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}
