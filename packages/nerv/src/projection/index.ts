export { Projection } from './projection.ts';
export type { ProjectionDefinition, ProjectionPosition, ProjectionSnapshot, RebuildOptions } from './projection.ts';
