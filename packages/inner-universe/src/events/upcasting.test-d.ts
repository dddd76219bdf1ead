import { defineUpcasters } from './upcasting.ts';

interface Events {
  'order.placed': { readonly cents: number; readonly currency: string };
}

const define = defineUpcasters<Events>();

define({
  'order.placed': {
    2: (data: { total: number }) => ({ cents: data.total * 100 }),
    3: (data: { cents: number }) => ({ ...data, currency: 'EUR' }),
  },
});
define({ 'order.placed': {} });
// A type that is not in the map may be anything in the end, but its steps must fit.
define({ other: { 2: (data: string) => data.length, 3: (data: number) => [data] } });

define({
  'order.placed': {
    2: (data: { total: number }) => ({ cents: data.total * 100 }),
    // @ts-expect-error The step before gives no text.
    3: (data: string) => ({ cents: data.length, currency: 'EUR' }),
  },
});
define({
  'order.placed': {
    // @ts-expect-error The last step must give what the map says.
    2: (data: { total: number }) => ({ cents: data.total * 100 }),
  },
});
