export { runEntityGraphContract } from './entity-graph-contract.ts';
export type { MakeContractGraph } from './entity-graph-contract.ts';
export { runGraphPastContract } from './entity-graph/graph-past-contract.ts';
export type { PastContractSetting } from './entity-graph/graph-past-contract.ts';
export { runEventBusContract } from './event-bus-contract.ts';
export type { ContractEvents, MakeContractBus } from './event-bus-contract.ts';
export { runTemporalStoreContract } from './temporal-contract.ts';
export type { ContractState, MakeContractStore } from './temporal-contract.ts';
