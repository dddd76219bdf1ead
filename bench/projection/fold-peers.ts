import { Projection, type ProjectionDefinition } from '@inner-universe/nerv/projection';
import type { NervEvent } from '@inner-universe/nerv/events';
import { produce } from 'immer';
import { from, scan } from 'rxjs';

/** What all of them make of the events. */
export interface Totals {
  readonly orders: number;
  readonly total: number;
  readonly largest: number;
}

/** What an order's event says. */
export interface OrderData {
  readonly customer: string;
  readonly total: number;
}

/** The events of the benchmarks: any type, of which orders are counted. */
export type OrderEvents = { 'order.placed': OrderData; 'order.noted': OrderData };

/** Who folds events, and how. */
export interface FoldPeer {
  readonly name: string;
  fold(events: readonly NervEvent[]): Totals | Promise<Totals>;
}

const INITIAL: Totals = { orders: 0, total: 0, largest: 0 };

const definition: ProjectionDefinition<Totals, OrderEvents, 'order.placed'> = {
  name: 'totals',
  initial: INITIAL,
  on: { 'order.placed': (state, { data }) => add(state, data) },
};

/** A projection of orders, at its start. */
export function makeTotals(): Projection<Totals, OrderEvents, 'order.placed'> {
  return new Projection(definition);
}

/** The floor first: what ratios are of. */
export const foldPeers: readonly [FoldPeer, ...FoldPeer[]] = [
  { name: 'a plain loop, one object changed', fold: foldInPlace },
  { name: 'a plain loop, a new object each', fold: foldPlainly },
  { name: 'nerv, applied one by one', fold: applyAll },
  { name: 'nerv, rebuilt', fold: rebuild },
  { name: 'RxJS scan', fold: scanAll },
  { name: 'Immer produce', fold: produceAll },
];

function add(state: Totals, { total }: OrderData): Totals {
  return { orders: state.orders + 1, total: state.total + total, largest: Math.max(state.largest, total) };
}

function foldInPlace(events: readonly NervEvent[]): Totals {
  const state = { ...INITIAL };
  for (const event of events) {
    if (event.type !== 'order.placed') continue;
    const { total } = dataOf(event);
    state.orders += 1;
    state.total += total;
    state.largest = Math.max(state.largest, total);
  }
  return state;
}

function foldPlainly(events: readonly NervEvent[]): Totals {
  let state = INITIAL;
  for (const event of events) if (event.type === 'order.placed') state = add(state, dataOf(event));
  return state;
}

function applyAll(events: readonly NervEvent[]): Totals {
  const totals = makeTotals();
  for (const event of events) totals.apply(event);
  return totals.state;
}

async function rebuild(events: readonly NervEvent[]): Promise<Totals> {
  const totals = makeTotals();
  await totals.rebuild(events);
  return totals.state;
}

function scanAll(events: readonly NervEvent[]): Totals {
  let last = INITIAL;
  from(events)
    .pipe(scan((state, event) => (event.type === 'order.placed' ? add(state, dataOf(event)) : state), INITIAL))
    .subscribe((state) => {
      last = state;
    });
  return last;
}

function produceAll(events: readonly NervEvent[]): Totals {
  let state = INITIAL;
  for (const event of events) {
    if (event.type !== 'order.placed') continue;
    const { total } = dataOf(event);
    state = produce(state, (draft) => {
      draft.orders += 1;
      draft.total += total;
      draft.largest = Math.max(draft.largest, total);
    });
  }
  return state;
}

function dataOf(event: NervEvent): OrderData {
  // All events here are made by `makeEvents`.
  return event.data as OrderData;
}
