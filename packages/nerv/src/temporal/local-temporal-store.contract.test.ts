import { runTemporalStoreContract } from '../testing/temporal-contract.ts';
import { TemporalStore } from './temporal-store.ts';

runTemporalStoreContract((initial) => new TemporalStore(initial));
