/** Iterator helpers (ES2025), on the prototype that all built-in iterators share, and `Iterator.concat`. */
export const ITERATORS_SOURCE: string = `
  const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
  const count = (value) => {
    const number = Number(value);
    if (Number.isNaN(number) || Math.trunc(number) < 0) throw new RangeError(String(value) + ' must be positive');
    return Math.trunc(number);
  };
  // Closes the iterator when the loop ends early; reads its 'next' once.
  const each = (iterator) => {
    if (!isObject(iterator)) throw new TypeError('Iterator helper called on a value that is no object');
    return { [Symbol.iterator]: () => iterator };
  };

  // What a helper returns: a generator that also closes what lies under it when it is closed before its first step.
  class IteratorHelper {
    #generator;
    #close;
    #isStarted = false;
    constructor(generator, close) {
      this.#generator = generator;
      this.#close = close;
    }
    next() {
      this.#isStarted = true;
      return this.#generator.next();
    }
    return() {
      if (!this.#isStarted) {
        this.#isStarted = true;
        this.#close();
      }
      return this.#generator.return(undefined);
    }
  }
  delete IteratorHelper.prototype.constructor;
  Object.setPrototypeOf(IteratorHelper.prototype, iteratorPrototype);
  Object.defineProperty(IteratorHelper.prototype, Symbol.toStringTag, { value: 'Iterator Helper', configurable: true });
  const makeHelper = (generator, close) => new IteratorHelper(generator, close);
  const over = (iterator, generator) => makeHelper(generator, () => { iterator.return?.(); });

  function* mapped(iterator, mapper) {
    let index = 0;
    for (const value of each(iterator)) yield mapper(value, index++);
  }
  function* filtered(iterator, predicate) {
    let index = 0;
    for (const value of each(iterator)) if (predicate(value, index++)) yield value;
  }
  function* taken(iterator, limit) {
    let remaining = limit;
    if (remaining === 0) {
      iterator.return?.();
      return;
    }
    for (const value of each(iterator)) {
      yield value;
      if (--remaining === 0) return;
    }
  }
  function* dropped(iterator, limit) {
    let remaining = limit;
    for (const value of each(iterator)) {
      if (remaining > 0) remaining--;
      else yield value;
    }
  }
  // An iterable or an iterator; strings only where they are allowed.
  const flattenable = (value, takesStrings) => {
    if (!isObject(value) && !(takesStrings && typeof value === 'string')) throw new TypeError(String(value) + ' is not an object');
    const method = value[Symbol.iterator];
    if (method === undefined || method === null) return value;
    const iterator = apply(callable(method), value, []);
    if (!isObject(iterator)) throw new TypeError(String(iterator) + ' is not an object');
    return iterator;
  };
  function* flattened(iterator, mapper) {
    let index = 0;
    for (const value of each(iterator)) yield* each(flattenable(mapper(value, index++), false));
  }
  defineAll(iteratorPrototype, {
    map(mapper) { return over(this, mapped(each(this) && this, callable(mapper))); },
    filter(predicate) { return over(this, filtered(each(this) && this, callable(predicate))); },
    take(limit) { return over(this, taken(each(this) && this, count(limit))); },
    drop(limit) { return over(this, dropped(each(this) && this, count(limit))); },
    flatMap(mapper) { return over(this, flattened(each(this) && this, callable(mapper))); },
    reduce(reducer, ...initial) {
      callable(reducer);
      let accumulator = initial[0];
      let isEmpty = initial.length === 0;
      let index = 0;
      for (const value of each(this)) {
        accumulator = isEmpty ? value : reducer(accumulator, value, index);
        isEmpty = false;
        index++;
      }
      if (isEmpty) throw new TypeError('Reduce of a done iterator with no initial value');
      return accumulator;
    },
    toArray() { return [...each(this)]; },
    forEach(callback) {
      callable(callback);
      let index = 0;
      for (const value of each(this)) callback(value, index++);
    },
    some(predicate) {
      callable(predicate);
      let index = 0;
      for (const value of each(this)) if (predicate(value, index++)) return true;
      return false;
    },
    every(predicate) {
      callable(predicate);
      let index = 0;
      for (const value of each(this)) if (!predicate(value, index++)) return false;
      return true;
    },
    find(predicate) {
      callable(predicate);
      let index = 0;
      for (const value of each(this)) if (predicate(value, index++)) return value;
      return undefined;
    },
  });
  if (!Object.hasOwn(globalThis, 'Iterator')) {
    const Iterator = function Iterator() {
      if (new.target === undefined || new.target === Iterator) throw new TypeError('Abstract class Iterator not directly constructable');
    };
    Object.defineProperty(Iterator, 'prototype', { value: iteratorPrototype, writable: false });
    define(iteratorPrototype, 'constructor', Iterator);
    define(globalThis, 'Iterator', Iterator);
  }
  class WrappedIterator {
    #iterator;
    #next;
    constructor(iterator) {
      this.#iterator = iterator;
      this.#next = iterator.next;
    }
    next() { return apply(this.#next, this.#iterator, []); }
    return() {
      const close = this.#iterator.return;
      return close === undefined || close === null ? { value: undefined, done: true } : apply(close, this.#iterator, []);
    }
  }
  delete WrappedIterator.prototype.constructor;
  Object.setPrototypeOf(WrappedIterator.prototype, iteratorPrototype);
  defineAll(globalThis.Iterator, {
    from(source) {
      const iterator = flattenable(source, true);
      if (iteratorPrototype.isPrototypeOf(iterator)) return iterator;
      return new WrappedIterator(iterator);
    },
    concat(...items) {
      const sources = items.map((item) => {
        if (!isObject(item)) throw new TypeError(String(item) + ' is not an object');
        return { item, open: callable(item[Symbol.iterator]) };
      });
      function* chained() {
        for (const { item, open } of sources) yield* each(apply(open, item, []));
      }
      return makeHelper(chained(), () => undefined);
    },
  });
  define(iteratorPrototype, Symbol.dispose, function () { this.return?.(); }, '[Symbol.dispose]');
  const asyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf((async function* () {}).prototype));
  define(asyncIteratorPrototype, Symbol.asyncDispose, async function () { await this.return?.(); }, '[Symbol.asyncDispose]');
`;
