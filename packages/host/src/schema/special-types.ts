import type { AlgebraicType } from '../bsatn/algebraic-type.ts';

/** Products of one element that stand for a type of their own, by the name of the element. */
const SPECIAL_ELEMENTS: ReadonlyMap<string, AlgebraicType['type']> = new Map<string, AlgebraicType['type']>([
  ['__identity__', 'u256'],
  ['__connection_id__', 'u128'],
  ['__timestamp_micros_since_unix_epoch__', 'i64'],
  ['__time_duration_micros__', 'i64'],
  ['__uuid__', 'u128'],
]);

/** True for identities, connection ids, timestamps, durations and UUIDs. */
export function hasSpecialForm(type: AlgebraicType): boolean {
  if (type.type !== 'product' || type.elements.length !== 1) return false;
  const [element] = type.elements;
  return element?.name !== undefined && SPECIAL_ELEMENTS.get(element.name) === element.algebraicType.type;
}

/** True for the type of the column that says when a scheduled row is due: an interval or a time. */
export function isScheduleAt(type: AlgebraicType): boolean {
  if (type.type !== 'sum' || type.variants.length !== 2) return false;
  const [interval, time] = type.variants;
  return (
    interval?.name === 'Interval' &&
    time?.name === 'Time' &&
    isSpecialProduct(interval.algebraicType, '__time_duration_micros__') &&
    isSpecialProduct(time.algebraicType, '__timestamp_micros_since_unix_epoch__')
  );
}

/** True for sums that may be used without being declared: options, results, `ScheduleAt` and the empty sum. */
export function isInlineSum(type: AlgebraicType): boolean {
  return type.type === 'sum' && (type.variants.length === 0 || isOption(type) || isResult(type) || isScheduleAt(type));
}

/** True for `some` and `none`, in this order. */
export function isOption(type: AlgebraicType): boolean {
  return hasVariants(type, 'some', 'none') && type.type === 'sum' && isUnit(type.variants[1]?.algebraicType);
}

/** True for the product without elements. */
export function isUnit(type: AlgebraicType | undefined): boolean {
  return type?.type === 'product' && type.elements.length === 0;
}

/** True for `ok` and `err`, in this order. */
export function isResult(type: AlgebraicType): boolean {
  return hasVariants(type, 'ok', 'err');
}

function hasVariants(type: AlgebraicType, first: string, second: string): boolean {
  if (type.type !== 'sum' || type.variants.length !== 2) return false;
  return type.variants[0]?.name === first && type.variants[1]?.name === second;
}

function isSpecialProduct(type: AlgebraicType, element: string): boolean {
  return hasSpecialForm(type) && type.type === 'product' && type.elements[0]?.name === element;
}
