// An application with a module's realm open, in which a promise is rejected and nobody handles it: the module's, or,
// with the argument `own`, one of its own. With `closed` the realm is closed before anybody could handle anything.
import { watchRejections } from '../../src/module/realm/rejection-guard.ts';
import vm from 'node:vm';

const context = vm.createContext({});
// The context's own `Promise`, as a module has it.
const { prototype } = vm.runInContext('Promise', context) as { readonly prototype: object };
const stopWatching = watchRejections(prototype, (reason) => console.log(`reported: ${String(reason)}`));

vm.runInContext(`Promise.reject(new Error('of the module'))`, context);
vm.runInContext(`(class Mine extends Promise {}).reject(new Error('of a subclass'))`, context);
if (process.argv[2] === 'closed') stopWatching();
if (process.argv[2] === 'own') void Promise.reject(new Error('of the application'));
setTimeout(() => console.log('still here'), 20);
