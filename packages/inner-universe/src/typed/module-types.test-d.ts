import type { Identity, Timestamp } from 'spacetimedb';
import { expectTypeOf } from 'vitest';
import type * as shop from '../../test/fixtures/shop-module.ts';
import type { ModuleConnection, ModuleConnectionType, RowOf } from './module-types.ts';

// Compiled by tsc, never run.
declare const connection: ModuleConnection<typeof shop>;
declare const type: ModuleConnectionType<typeof shop>;

interface Money {
  cents: bigint;
  currency: string;
}
type Status = { tag: 'open' } | { tag: 'paid'; value: Money } | { tag: 'refused'; value: string };
interface Order {
  id: bigint;
  number: string;
  customerID: string;
  status: Status;
  note?: string | undefined;
  total: Money;
  placedBy: Identity;
  placedAt: Timestamp;
  payload: Uint8Array;
  tags: string[];
}

// Rows of tables: every column, options, nested types and enums.
expectTypeOf<RowOf<typeof shop, 'order'>['status']>().toEqualTypeOf<Status>();
expectTypeOf<RowOf<typeof shop, 'order'>['note']>().toEqualTypeOf<string | undefined>();
expectTypeOf<RowOf<typeof shop, 'order'>>().toExtend<Order>();
for (const row of connection.db.order.iter()) expectTypeOf(row).toExtend<Order>();

// Keys, unique columns and indexes have the names of the module's code.
expectTypeOf(connection.db.order.id.find).parameter(0).toEqualTypeOf<bigint>();
expectTypeOf(connection.db.order.number.find).parameter(0).toEqualTypeOf<string>();
connection.db.order.byCustomer.filter(['ada', '1']);
connection.db.order.byCustomer.filter('ada');
// @ts-expect-error an index's columns have types
connection.db.order.byCustomer.filter(1);
connection.db.order.onUpdate((_context, before, after) => expectTypeOf(before).toEqualTypeOf(after));
// @ts-expect-error there is no such column
connection.db.order.customerID.find('ada');
// @ts-expect-error there is no such table
void connection.db.orders;
expectTypeOf([...connection.db.rung.iter()]).toExtend<{ text: string }[]>();

// Reducers: what they take, options may be left out, and nothing else goes.
expectTypeOf(connection.reducers.placeOrder).returns.toEqualTypeOf<Promise<void>>();
void connection.reducers.placeOrder({ number: '1', customerID: 'ada', total: { cents: 1n, currency: 'EUR' } });
void connection.reducers.settle({ id: 1n, status: { tag: 'paid', value: { cents: 1n, currency: 'EUR' } } });
void connection.reducers.clear({});
// @ts-expect-error an argument is missing
void connection.reducers.placeOrder({ number: '1', customerID: 'ada' });
// @ts-expect-error there is no such variant
void connection.reducers.settle({ id: 1n, status: { tag: 'lost' } });
// @ts-expect-error views and procedures are no reducers
void connection.reducers.everyOrder;
// @ts-expect-error views and procedures are no reducers
void connection.reducers.summarise;

// Procedures: what they take and give.
const summary = await connection.procedures.summarise({});
expectTypeOf(summary.count).toEqualTypeOf<bigint>();
expectTypeOf(summary.last).toExtend<Order | undefined>();
expectTypeOf(summary.status).toEqualTypeOf<Status>();
// @ts-expect-error the argument is text
void connection.procedures.summarise({ customerID: 1 });
// @ts-expect-error reducers are no procedures
void connection.procedures.settle;

// Views are tables: of a table's rows with its key, of a query, of one row, and of rows of their own.
for (const row of connection.db.everyOrder.iter()) expectTypeOf(row).toExtend<Order>();
expectTypeOf(connection.db.everyOrder.id.find).parameter(0).toEqualTypeOf<bigint>();
connection.db.everyOrder.onUpdate((_context, _before, after) => expectTypeOf(after).toExtend<Order>());
for (const row of connection.db.openOrders.iter()) expectTypeOf(row).toExtend<Order>();
for (const row of connection.db.myFirst.iter()) expectTypeOf(row).toExtend<Order>();
for (const row of connection.db.totals.iter()) expectTypeOf(row).toEqualTypeOf<{ customerID: string; cents: bigint }>();
// @ts-expect-error a view has no indexes but its key
void connection.db.everyOrder.number;

// Tables and views build queries.
connection
  .subscriptionBuilder()
  .onApplied((context) => expectTypeOf(context.db.order.count()).toEqualTypeOf<bigint>())
  .subscribe([type.tables.order.where((row) => row.number.eq('1')), type.tables.totals]);
// @ts-expect-error the column is text
type.tables.order.where((row) => row.number.eq(1));
type.builder().onConnect((opened) => expectTypeOf(opened).toEqualTypeOf<ModuleConnection<typeof shop>>());
