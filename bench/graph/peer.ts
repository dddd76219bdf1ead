import type { Person, Tie } from './world.ts';

/** A library that holds the graph. What it has no means for is left out; counts tell that all do the same work. */
export interface Peer {
  addPeople(people: readonly Person[]): void;
  addTies(ties: readonly Tie[]): void;
  /** Bytes it holds outside the JavaScript heap. */
  nativeBytes?(): number;
  /** The name of a person. */
  nameOf(id: string): string | undefined;
  /** How many live in a town, each read, in the order of ids. */
  inTown(town: string): number;
  /** How many are tied to one, either way, within so many ties, each once and read. */
  around(id: string, depth: number): number;
  /** How many are reached from one along the ties. */
  reach(id: string): number;
  /** How many ties the shortest path has, along the ties; -1 if there is none. */
  pathLength?(from: string, to: string): number;
  /** What the lightest path weighs; -1 if there is none. */
  pathWeight?(from: string, to: string): number;
  /** The highest score, with at least this many rounds or this tolerance. */
  pageRank?(): number;
  /** Begins to keep the people sorted by age; gives a function that changes one's age and gives what changed in order. */
  keepSorted?(): (id: string, age: number) => number;
}

/** The names of the peers; each has its file. */
export const PEERS = ['nerv', 'graphology', 'sqlite'] as const;

/** One of the peers. */
export type PeerName = (typeof PEERS)[number];
