import { describe, expect, test } from 'vitest';
import { EntityGraph } from './entity-graph.ts';
import { MAX_LABEL_LENGTH } from './make-row.ts';

describe('what an entity is made of', () => {
  const graph = new EntityGraph();
  // What the types forbid is what a program without types may do.
  const create = (type: unknown, input: unknown): unknown => graph.createEntity(type as string, input as object);

  test.each([
    ['a type that is no string', 5, {}],
    ['a type that is too long', 'x'.repeat(MAX_LABEL_LENGTH + 1), {}],
    ['a name that is no string', 'x', { name: 5 }],
    ['a name with half a surrogate pair', 'x', { name: '\ud800' }],
    ['a description that is no string', 'x', { description: {} }],
    ['tags that are no array', 'x', { tags: 'poet' }],
    ['a tag that is no string', 'x', { tags: [1] }],
    ['a time that is none', 'x', { createdAt: Number.NaN }],
    ['an id that is no string', 'x', { id: 5 }],
    ['an id with half a surrogate pair', 'x', { id: 'a\udfff' }],
  ])('is not %s', (_, type, input) => {
    expect(() => create(type, input)).toThrow(expect.objectContaining({ code: 'entity/invalid' }));
  });

  test.each([
    ['null', null],
    ['an array', [1]],
    ['an instance', new Date()],
    ['text', 'x'],
  ])('has properties that are not %s', (_, properties) => {
    expect(() => create('x', { properties })).toThrow(expect.objectContaining({ code: 'value/unsupported' }));
  });

  test.each([
    ['a symbol', Symbol('x')],
    ['a function', () => 1],
    ['half a surrogate pair', '\ud800'],
    ['an instance deep inside', [{ deep: new Error('x') }]],
  ])('has no property that is %s', (_, value) => {
    expect(() => create('x', { properties: { value } })).toThrow(
      expect.objectContaining({ code: 'value/unsupported' }),
    );
    expect(() => create('x', { properties: { ['\ud800']: 1 } })).toThrow(
      expect.objectContaining({ code: 'value/unsupported' }),
    );
  });

  test('an id is measured in bytes of UTF-8', () => {
    const fits = 'ü'.repeat(64);
    expect(graph.createEntity('x', { id: fits }).id).toBe(fits);
    expect(graph.createEntity('x', { id: '日😀'.repeat(18) }).id).toHaveLength(54);
    for (const id of [`${fits}a`, '日'.repeat(43)]) {
      expect(() => create('x', { id })).toThrow(expect.objectContaining({ code: 'entity/invalid' }));
    }
  });
});

test('a write can be made against the seq of a row', () => {
  const graph = new EntityGraph();
  graph.createEntity('x', { id: 'a' });
  graph.createRelation('r', { id: 'r', from: 'a', to: 'a' });
  const wrong = { ifSeq: 4 };
  expect(() => graph.deleteEntity('a', wrong)).toThrow(expect.objectContaining({ code: 'entity/seq-mismatch' }));
  expect(() => graph.updateRelation('r', {}, wrong)).toThrow(
    expect.objectContaining({ code: 'relation/seq-mismatch' }),
  );
  expect(() => graph.deleteRelation('r', wrong)).toThrow(
    expect.objectContaining({
      code: 'relation/seq-mismatch',
      details: { id: 'r', seq: undefined, ifSeq: 4 },
    }),
  );
});
