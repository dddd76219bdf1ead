import { describe, expect, test } from 'vitest';
import { stringify } from '../values/encode.ts';
import { parsePlan, stringifyPlan } from './plan-text.ts';
import { TemporalStore, type MergePlan } from './temporal-store.ts';

function makePlan(): MergePlan {
  const store = new TemporalStore<Record<string, unknown>>({
    when: new Date(1),
    gone: 1,
    list: [1],
  });
  store.createBranch('side');
  store.commit((draft) => (draft['when'] = new Date(2)), { branch: 'side' });
  store.commit((draft) => (draft['gone'] = 2n), { branch: 'side' });
  store.commit((draft) => {
    draft['when'] = new Date(3);
    delete draft['gone'];
    draft['ours'] = undefined;
  });
  return store.planMerge('side');
}

describe('the text of a plan', () => {
  test('is JSON, and gives the plan back with all that is in conflict', () => {
    const plan = makePlan();
    const text = stringifyPlan(plan);
    expect(JSON.parse(text)).toMatchObject({ type: 'merge', source: 'side' });
    expect(parsePlan(text)).toEqual(plan);
    expect(parsePlan(text).conflicts).toEqual([
      { path: '/gone', base: 1, ours: undefined, theirs: 2n },
      { path: '/when', base: new Date(1), ours: new Date(3), theirs: new Date(2) },
    ]);
  });

  test('keeps that there is no base and no source', () => {
    const plan: MergePlan = {
      ...makePlan(),
      type: 'up-to-date',
      base: undefined,
      bases: [],
      source: undefined,
    };
    expect(parsePlan(stringifyPlan(plan))).toEqual(plan);
  });

  test.each([
    ['type', { type: 'x' }],
    ['branch', { branch: 1 }],
    ['ours', { ours: undefined }],
    ['theirs', { theirs: null }],
    ['source', { source: 1 }],
    ['base', { base: 1 }],
    ['bases', { bases: 'x' }],
    ['bases', { bases: [1] }],
    ['conflicts', { conflicts: {} }],
    ['conflicts', { conflicts: [{ path: 1 }] }],
    ['form', { conflicts: [1] }],
  ])('whose %s is damaged is refused by name', (member, damage) => {
    expect(() => parsePlan(stringify({ ...makePlan(), ...damage }))).toThrow(
      expect.objectContaining({ code: 'state/invalid-argument', details: { member } }),
    );
  });

  test('that is no plan at all, or has a patch that is none, is refused', () => {
    expect(() => parsePlan('null')).toThrow(expect.objectContaining({ code: 'state/invalid-argument' }));
    expect(() => parsePlan('{')).toThrow(expect.objectContaining({ code: 'value/malformed' }));
    expect(() => parsePlan(stringify({ ...makePlan(), patch: [{ op: 'x', path: '' }] }))).toThrow(
      expect.objectContaining({ code: 'state/invalid-patch' }),
    );
  });
});
