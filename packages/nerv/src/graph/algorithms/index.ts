export { connectedComponents } from './connected-components.ts';
export type { ComponentOptions } from './connected-components.ts';
export { pageRank } from './page-rank.ts';
export type { PageRankOptions, PageRankResult } from './page-rank.ts';
export { topologicalOrder } from './topological-order.ts';
export type { AnyEntity, AnyRelation, GraphSource } from './graph-source.ts';
