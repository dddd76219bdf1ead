export { GraphPattern, pattern } from './graph-pattern.ts';
export type {
  EntityFilter,
  FindOptions,
  Hop,
  HopBinding,
  HopCount,
  PatternMatch,
  RelationFilter,
} from './graph-pattern.ts';
