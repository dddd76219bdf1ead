import type { EntityPatch, RelationPatch } from '@inner-universe/nerv';
import { checkOptions, type OptionForm } from '../controller/check-options.ts';

const ENTITY_FORMS: { readonly [Name in keyof Required<EntityPatch>]: OptionForm } = {
  name: 'text',
  description: 'text',
  tags: 'texts',
  properties: 'object',
  removeProperties: 'texts',
  validFrom: 'number',
  validTo: 'number',
  clearValidity: 'boolean',
};
const RELATION_FORMS: { readonly [Name in keyof Required<RelationPatch>]: OptionForm } = {
  ...ENTITY_FORMS,
  strength: 'number',
  bidirectional: 'boolean',
};

/**
 * Refuses what is no patch of a row: a field that is mistyped would be left out, and the row count as migrated.
 * @throws {NervPersistenceError} `config/invalid`, with what was probably meant
 */
export function checkPatch(kind: 'entity' | 'relation', patch: unknown): void {
  checkOptions(
    `the patch of ${kind === 'entity' ? 'an entity' : 'a relation'}`,
    patch,
    kind === 'entity' ? ENTITY_FORMS : RELATION_FORMS,
  );
}
