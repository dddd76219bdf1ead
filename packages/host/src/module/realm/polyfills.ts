/**
 * Script that gives a module's realm the language features which SpacetimeDB's engine has and Node 20 lacks. It runs
 * in the realm, before the module, and never touches the host's own globals. What is there already is left alone.
 */
export const POLYFILLS_SOURCE: string = `'use strict';
(() => {
  const define = (target, name, value) => {
    if (Object.hasOwn(target, name)) return;
    Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
  };
  const defineAll = (target, methods) => {
    for (const name of Object.getOwnPropertyNames(methods)) define(target, name, methods[name]);
  };
  const callable = (value) => {
    if (typeof value !== 'function') throw new TypeError(String(value) + ' is not a function');
    return value;
  };

  for (const name of ['dispose', 'asyncDispose']) {
    if (!Object.hasOwn(Symbol, name)) {
      Object.defineProperty(Symbol, name, { value: Symbol('Symbol.' + name), writable: false, enumerable: false, configurable: false });
    }
  }

  // Set methods (ES2025).
  const record = (other) => {
    if (other === null || typeof other !== 'object') throw new TypeError('a set-like object is needed');
    const size = Number(other.size);
    if (Number.isNaN(size)) throw new TypeError("the 'size' of a set-like object must be a number");
    callable(other.has);
    callable(other.keys);
    return { size, has: (value) => Boolean(other.has(value)), keys: () => ({ [Symbol.iterator]: () => other.keys() }) };
  };
  defineAll(Set.prototype, {
    union(other) {
      const result = new Set(this);
      for (const value of record(other).keys()) result.add(value);
      return result;
    },
    intersection(other) {
      const { size, has, keys } = record(other);
      const result = new Set();
      if (this.size <= size) {
        for (const value of this) if (has(value)) result.add(value);
      } else {
        for (const value of keys()) if (this.has(value)) result.add(value);
      }
      return result;
    },
    difference(other) {
      const { has } = record(other);
      const result = new Set();
      for (const value of this) if (!has(value)) result.add(value);
      return result;
    },
    symmetricDifference(other) {
      const result = new Set(this);
      for (const value of record(other).keys()) {
        if (this.has(value)) result.delete(value);
        else result.add(value);
      }
      return result;
    },
    isSubsetOf(other) {
      const { size, has } = record(other);
      if (this.size > size) return false;
      for (const value of this) if (!has(value)) return false;
      return true;
    },
    isSupersetOf(other) {
      for (const value of record(other).keys()) if (!this.has(value)) return false;
      return true;
    },
    isDisjointFrom(other) {
      const { has } = record(other);
      for (const value of this) if (has(value)) return false;
      return true;
    },
  });

  // Iterator helpers (ES2025), on the prototype that all built-in iterators share.
  const iteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  const count = (value) => {
    const number = Number(value);
    if (Number.isNaN(number) || Math.trunc(number) < 0) throw new RangeError(String(value) + ' must be positive');
    return Math.trunc(number);
  };
  const each = (iterator) => ({ [Symbol.iterator]: () => iterator });
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
  function* flattened(iterator, mapper) {
    let index = 0;
    for (const value of each(iterator)) {
      const inner = mapper(value, index++);
      if (typeof inner === 'string') throw new TypeError('flatMap of an iterator takes no strings');
      yield* inner;
    }
  }
  defineAll(iteratorPrototype, {
    map(mapper) { return mapped(this, callable(mapper)); },
    filter(predicate) { return filtered(this, callable(predicate)); },
    take(limit) { return taken(this, count(limit)); },
    drop(limit) { return dropped(this, count(limit)); },
    flatMap(mapper) { return flattened(this, callable(mapper)); },
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
    function Iterator() {
      if (new.target === undefined || new.target === Iterator) throw new TypeError('Iterator is an abstract class');
    }
    Object.defineProperty(Iterator, 'prototype', { value: iteratorPrototype, writable: false });
    define(Iterator, 'from', function from(source) {
      const iterator = typeof source[Symbol.iterator] === 'function' ? source[Symbol.iterator]() : source;
      return iteratorPrototype.isPrototypeOf(iterator) ? iterator : mapped(iterator, (value) => value);
    });
    define(globalThis, 'Iterator', Iterator);
  }

  // Smaller features.
  defineAll(Promise, {
    withResolvers() {
      let resolve;
      let reject;
      const promise = new this((onResolve, onReject) => { resolve = onResolve; reject = onReject; });
      return { promise, resolve, reject };
    },
    try(callback, ...args) { return new this((resolve) => resolve(callback(...args))); },
  });
  defineAll(Object, {
    groupBy(items, key) {
      const groups = Object.create(null);
      let index = 0;
      for (const item of items) {
        const name = key(item, index++);
        (groups[name] ??= []).push(item);
      }
      return groups;
    },
  });
  defineAll(Map, {
    groupBy(items, key) {
      const groups = new Map();
      let index = 0;
      for (const item of items) {
        const name = key(item, index++);
        const group = groups.get(name);
        if (group === undefined) groups.set(name, [item]);
        else group.push(item);
      }
      return groups;
    },
  });
  defineAll(Array, {
    async fromAsync(source, mapper) {
      const result = [];
      const items = source[Symbol.asyncIterator] || source[Symbol.iterator] ? source : Array.from(source);
      for await (const item of items) result.push(mapper ? await mapper(item, result.length) : item);
      return result;
    },
  });
  defineAll(ArrayBuffer.prototype, {
    transfer(length) {
      const moved = new ArrayBuffer(length === undefined ? this.byteLength : length);
      new Uint8Array(moved).set(new Uint8Array(this, 0, Math.min(this.byteLength, moved.byteLength)));
      return moved;
    },
  });

  Object.defineProperty(Math, 'random', {
    get() { throw new TypeError('Math.random is not available in SpacetimeDB modules. Use ctx.random instead.'); },
    enumerable: false,
    configurable: true,
  });
  delete globalThis.console;
})();
`;
