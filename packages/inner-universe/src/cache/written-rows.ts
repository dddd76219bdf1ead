import type { Op } from '@inner-universe/module/wire';

/** The rows that ops may change. */
export interface WrittenRows {
  readonly keys: readonly (readonly ['entity' | 'relation', string])[];
  /** Relations may have gone that no op names: those of an entity that was deleted. */
  readonly isWide: boolean;
}

/** What ops may change of the graph. */
export function writtenRows(ops: readonly Op[]): WrittenRows {
  const keys: (readonly ['entity' | 'relation', string])[] = [];
  let isWide = false;
  for (const op of ops) {
    switch (op.tag) {
      case 'createEntity':
      case 'updateEntity':
        keys.push(['entity', op.value.id]);
        break;
      case 'deleteEntity':
        keys.push(['entity', op.value.id]);
        isWide ||= op.value.cascade;
        break;
      case 'createRelation':
      case 'updateRelation':
      case 'deleteRelation':
        keys.push(['relation', op.value.id]);
        break;
      default:
    }
  }
  return { keys, isWide };
}
