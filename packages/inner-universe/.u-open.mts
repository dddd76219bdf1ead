import { openUniverse } from 'inner-universe';
const u=await openUniverse({memory:true});
const h=u.controller.host!;
const path='/work/main/packages/module/dist/bundle.js';
for (let i=0;i<6;i++){ const t=performance.now(); await h.publish({name:'db-'+i, module:{path}}); console.log('publish',(performance.now()-t).toFixed(0)); }
const addr=await u.controller.serve({host:'127.0.0.1',port:0});
for (let i=0;i<6;i++){ const t=performance.now(); const c=await openUniverse({server:addr,database:'db-'+i,token:h.ownerToken}); console.log('connect',(performance.now()-t).toFixed(0)); await c.close();}
{const t=performance.now(); let n=100_000; const c=u; const ps=[]; for(let i=0;i<n;i++) ps.push(c.events.publish('order.placed',{number:i})); const t1=performance.now(); await Promise.all(ps); console.log('100k publish', (t1-t).toFixed(0), (performance.now()-t).toFixed(0),'ms', (n/(performance.now()-t)*1000).toFixed(0),'/s');}
await u.close();
{const u=await openUniverse({data:'/tmp/u/data'+Date.now()});const t=performance.now(); let n=100_000; const c=u; const ps=[]; for(let i=0;i<n;i++) ps.push(c.events.publish('order.placed',{number:i})); const t1=performance.now(); await Promise.all(ps); console.log('disk 100k publish', (t1-t).toFixed(0), (performance.now()-t).toFixed(0),'ms', (n/(performance.now()-t)*1000).toFixed(0),'/s');
await u.close();}
