import { Datastore } from '../../packages/host/dist/datastore/datastore.js';
Datastore.prototype.putOffIndexes = () => {};
await import('./opening.ts');
