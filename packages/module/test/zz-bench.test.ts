import { test } from 'vitest';
import { openUniverse, ops, OWNER } from './universe.ts';
import { fromPlain } from './plain-values.ts';
import { compileCodec } from '../../host/src/bsatn/codec.ts';
import { BsatnWriter } from '../../host/src/bsatn/writer.ts';

test('bench', async () => {
  const u = await openUniverse();
  const def = u.database.def.reducers.find((r) => r.name === 'apply')!;
  const type = { type: 'product', elements: def.params } as const;
  const codec = compileCodec(type);
  const enc = (list: readonly unknown[], id: string) => { const w = new BsatnWriter(); codec.encode(w, fromPlain(type, { requestId: id, issuedAt: u.time.nowMicros(), ops: list })); return w.toBytes(); };
  const run = (name: string, batches: Uint8Array[], per: number) => {
    const times: number[] = [];
    for (const b of batches) { const t = performance.now(); const r = u.database.callReducer(OWNER, 'apply', b); times.push(performance.now() - t); if (r.outcome.type !== 'committed') throw new Error(JSON.stringify(r.outcome)); }
    times.sort((a, b) => a - b);
    console.log(name, 'median ms', times[times.length >> 1]!.toFixed(2), 'min', times[0]!.toFixed(2), 'ops/s', (per / times[times.length >> 1]! * 1000).toFixed(0));
  };
  const data = JSON.stringify({ id: 1, total: 12.5, customer: 'someone', items: ['a', 'b', 'c'] });
  const B = 60;
  run('events', Array.from({ length: B }, (_, b) => enc(Array.from({ length: 1000 }, (_, i) => ops.event(`0190a1b2-c3d4-7000-8000-${String(b * 1000 + i).padStart(12, '0')}`, 'order.placed', { data, source: 'bench' })), `ev${b}`)), 1000);
  run('entities', Array.from({ length: B }, (_, b) => enc(Array.from({ length: 1000 }, (_, i) => ops.entity(`entity:${b}:${i}`, { name: `n${i}`, properties: '{"a":1}' })), `en${b}`)), 1000);
  run('relations', Array.from({ length: B }, (_, b) => enc(Array.from({ length: 1000 }, (_, i) => ops.relation(`rel:${b}:${i}`, `entity:${b}:${i}`, `entity:${b}:${(i * 7) % 1000}`)), `re${b}`)), 1000);
  let prev: any[] = [];
  const batches = Array.from({ length: 30 }, (_, b) => enc(Array.from({ length: 1000 }, (_, i) => { const v = ops.version(`v${b}:${i}`, prev, { description: 'x'.repeat(200) }); prev = [v]; return v; }), `ver${b}`));
  run('versions', batches, 1000);
  run('single events', Array.from({ length: 3000 }, (_, b) => enc([ops.event(`s${b}`, 'order.placed', { data })], `sg${b}`)), 1);
}, 120000);
