import { expect, test } from 'vitest';
import { QueryUpdate, SharedRows } from './shared-results.ts';
import { UpdateCollector } from './update-collector.ts';

const rows = new SharedRows([]);
const makeUpdate = (name: string): QueryUpdate => new QueryUpdate({ name, isEvent: false }, rows, rows);

test('clients that get one update in a query set of the same number share the result, others do not', () => {
  const update = makeUpdate('a');
  const collector = new UpdateCollector<string>();
  collector.add('ada', 1, update);
  collector.add('bob', 1, update);
  collector.add('cem', 2, update);
  collector.add('dan', 1, makeUpdate('a'));
  const result = collector.finish();
  expect(result.get('ada')).toEqual([{ querySetId: 1, tables: [{ tableName: 'a', updates: [update] }] }]);
  expect(result.get('bob')).toBe(result.get('ada'));
  expect(result.get('cem')).toEqual([{ querySetId: 2, tables: [{ tableName: 'a', updates: [update] }] }]);
  expect(result.get('dan')).not.toBe(result.get('ada'));
});

test('a further update of one client is not told to those that shared its first', () => {
  const [first, second, third] = [makeUpdate('b'), makeUpdate('a'), makeUpdate('b')];
  const collector = new UpdateCollector<string>();
  collector.add('ada', 2, first);
  collector.add('bob', 2, first);
  collector.add('ada', 2, second);
  collector.add('ada', 1, third);
  collector.add('ada', 2, third);
  const result = collector.finish();
  expect(result.get('bob')).toEqual([{ querySetId: 2, tables: [{ tableName: 'b', updates: [first] }] }]);
  expect(result.get('ada')).toEqual([
    { querySetId: 1, tables: [{ tableName: 'b', updates: [third] }] },
    {
      querySetId: 2,
      tables: [
        { tableName: 'a', updates: [second] },
        { tableName: 'b', updates: [first, third] },
      ],
    },
  ]);
});
