/** The greatest number of parts that are compared one by one; a larger part is compared by identity. */
const MAX_PARTS = 64;

/** How a perspective comes to its result. */
export interface MemoRules<State, Param> {
  readonly select: (state: State, param: Param) => unknown;
  readonly view: (part: unknown, param: Param) => unknown;
  readonly equals: (a: unknown, b: unknown) => boolean;
}

/** The last result for one parameter, kept as long as the parts it was made of are the same. */
export class Memo<State, Param> {
  readonly #rules: MemoRules<State, Param>;
  readonly #param: Param;
  #last: { readonly state: State; readonly part: unknown; readonly result: unknown } | undefined;

  constructor(rules: MemoRules<State, Param>, param: Param) {
    this.#rules = rules;
    this.#param = param;
  }

  of(state: State): unknown {
    const last = this.#last;
    if (last !== undefined && Object.is(last.state, state)) return last.result;
    const { select, view, equals } = this.#rules;
    const part = select(state, this.#param);
    let result: unknown;
    if (last !== undefined && isSame(last.part, part, MAX_PARTS)) ({ result } = last);
    else {
      result = view(part, this.#param);
      if (last !== undefined && equals(last.result, result)) ({ result } = last);
    }
    this.#last = { state, part, result };
    return result;
  }
}

/**
 * Whether two values are the same, or lists or plain objects of the same parts. Of parts that were not changed,
 * immutable states give the very same objects.
 */
export function isSame(a: unknown, b: unknown, limit: number = Number.POSITIVE_INFINITY): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length <= limit && hasSameElements(a, b);
  }
  return isPlain(a) && isPlain(b) && hasSameMembers(a, b, limit);
}

function hasSameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((element, index) => Object.is(element, b[index]));
}

function hasSameMembers(a: object, b: object, limit: number): boolean {
  const keys = Object.keys(a);
  return (
    keys.length <= limit &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && Object.is(Reflect.get(a, key), Reflect.get(b, key)))
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
