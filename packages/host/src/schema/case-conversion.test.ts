import { expect, test } from 'vitest';
import { splitWords, toCamelCase, toPascalCase, toSnakeCase } from './case-conversion.ts';

test.each([
  ['player1', 'player_1'],
  ['HTTPServer', 'http_server'],
  ['_foo', 'foo'],
  ['userID2x', 'user_id_2_x'],
  ['x2y', 'x_2_y'],
  ['colA', 'col_a'],
  ['already_snake', 'already_snake'],
  ['withDefault', 'with_default'],
  ['Sched', 'sched'],
  ['a__b', 'a_b'],
  ['ABC', 'abc'],
  ['größeÄndern', 'größe_ändern'],
])('%s becomes %s', (name, snake) => {
  expect(toSnakeCase(name)).toBe(snake);
});

test('camel and Pascal case use the same words', () => {
  expect(splitWords('very-large Thing2')).toEqual(['very', 'large', 'Thing', '2']);
  expect(toCamelCase('VeryLarge')).toBe('veryLarge');
  expect(toCamelCase('HTTP_server')).toBe('httpServer');
  expect(toPascalCase('my_row_type')).toBe('MyRowType');
});
