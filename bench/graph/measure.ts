/*
 * One peer, in a process of its own: builds the graph, does each task, prints what it measured as one line of JSON.
 *
 *     node --expose-gc measure.ts PEER ENTITIES RELATIONS MS_PER_TASK
 */
import type { Peer, PeerName } from './peer.ts';
import { makeRandom, makeWorld, type World } from './world.ts';

/** What was measured of one task: how often a second, or how many bytes, or how long. */
export interface Measured {
  readonly task: string;
  readonly unit: string;
  readonly value: number;
  /** A sum over what the first calls gave: the same for everybody who does the same work. */
  readonly check: number;
}

declare const gc: () => void;

const CHECKED_CALLS = 5;
const BLOCK_MAX = 64;

async function makePeer(name: PeerName): Promise<Peer> {
  // Each is loaded alone: not every Node has what every peer needs.
  switch (name) {
    case 'nerv':
      return (await import('./nerv-peer.ts')).makeNervPeer();
    case 'graphology':
      return (await import('./graphology-peer.ts')).makeGraphologyPeer();
    case 'sqlite':
      return (await import('./sqlite-peer.ts')).makeSqlitePeer();
  }
}

function bytesHeld(peer: Peer): number {
  gc();
  return process.memoryUsage().heapUsed + (peer.nativeBytes?.() ?? 0);
}

function build(peer: Peer, { people, ties }: World): Measured[] {
  const empty = bytesHeld(peer);
  const start = performance.now();
  peer.addPeople(people);
  const built = performance.now();
  const withPeople = bytesHeld(peer);
  const again = performance.now();
  peer.addTies(ties);
  const seconds = (built - start + performance.now() - again) / 1000;
  const check = people.length + ties.length;
  return [
    { task: 'build', unit: 's', value: seconds, check },
    { task: 'memory per entity', unit: 'B', value: (withPeople - empty) / people.length, check },
    { task: 'memory per relation', unit: 'B', value: (bytesHeld(peer) - withPeople) / ties.length, check },
  ];
}

// Calls for as long as asked, after half as long untimed. The clock is read once in a while: that costs as much as a
// look-up.
function rate(task: string, ms: number, call: (n: number) => number): Measured {
  let check = 0;
  for (let n = 0; n < CHECKED_CALLS; n += 1) check += call(n);
  let made = CHECKED_CALLS;
  const run = (runMs: number): number => {
    const first = made;
    const start = performance.now();
    for (let block = 1, spent = 0; spent < runMs; spent = performance.now() - start) {
      for (let n = 0; n < block; n += 1) call(made + n);
      made += block;
      // Blocks grow while they take no time to speak of.
      if (block < BLOCK_MAX && performance.now() - start - spent < 1) block *= 2;
    }
    return ((made - first) * 1000) / (performance.now() - start);
  };
  run(ms / 2);
  return { task, unit: 'per s', value: run(ms), check: Math.round(check * 1e6) / 1e6 };
}

function runTasks(peer: Peer, { people }: World, ms: number): Measured[] {
  const random = makeRandom(2);
  const order = Array.from({ length: 4096 }, () => Math.floor(random() * people.length));
  const one = (n: number): string => people[order[n % order.length] ?? 0]?.id ?? '';
  const town = (n: number): string => people[order[n % order.length] ?? 0]?.town ?? '';
  const { pathLength, pathWeight, pageRank, keepSorted } = peer;
  const measured = [
    rate('get by id', ms, (n) => peer.nameOf(one(n))?.length ?? 0),
    rate('look-up by indexed property', ms, (n) => peer.inTown(town(n))),
    rate('neighbours', ms, (n) => peer.around(one(n), 1)),
    rate('two hops', ms, (n) => peer.around(one(n), 2)),
    rate('breadth first, whole', ms, (n) => peer.reach(one(n))),
  ];
  if (pathLength !== undefined) measured.push(rate('shortest path', ms, (n) => pathLength(one(n), one(n + 7))));
  if (pathWeight !== undefined) measured.push(rate('lightest path', ms, (n) => pathWeight(one(n), one(n + 7))));
  if (pageRank !== undefined) measured.push(rate('PageRank', ms, () => pageRank() * 0));
  if (keepSorted !== undefined) {
    const change = keepSorted();
    measured.push(rate('change of a sorted result', ms, (n) => (change(one(n), (n * 37) % 100) > 0 ? 1 : 0)));
  }
  return measured;
}

const [name, entities, relations, ms] = process.argv.slice(2);
const world = makeWorld(Number(entities), Number(relations));
// The name is one that the benchmark passes.
const peer = await makePeer(name as PeerName);
const results = [...build(peer, world), ...runTasks(peer, world, Number(ms))];
process.stdout.write(`${JSON.stringify(results)}\n`);
