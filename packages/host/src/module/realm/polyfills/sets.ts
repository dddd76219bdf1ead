/** The methods of sets (ES2025). */
export const SETS_SOURCE: string = `
  const sizeOf = Object.getOwnPropertyDescriptor(Set.prototype, 'size').get;
  const record = (set, other) => {
    apply(sizeOf, set, []);
    if (other === null || (typeof other !== 'object' && typeof other !== 'function')) throw new TypeError('a set-like object is needed');
    const size = Number(other.size);
    if (Number.isNaN(size)) throw new TypeError("the 'size' of a set-like object must be a number");
    if (Math.trunc(size) < 0) throw new RangeError("the 'size' of a set-like object must not be negative");
    const has = callable(other.has);
    const keys = callable(other.keys);
    return {
      size: Math.trunc(size),
      has: (value) => Boolean(apply(has, other, [value])),
      keys: () => ({ [Symbol.iterator]: () => apply(keys, other, []) }),
    };
  };
  defineAll(Set.prototype, {
    union(other) {
      const { keys } = record(this, other);
      const result = new Set(this);
      for (const value of keys()) result.add(value);
      return result;
    },
    intersection(other) {
      const { size, has, keys } = record(this, other);
      const result = new Set();
      if (this.size <= size) {
        for (const value of this) if (has(value)) result.add(value);
      } else {
        for (const value of keys()) if (this.has(value)) result.add(value);
      }
      return result;
    },
    difference(other) {
      const { size, has, keys } = record(this, other);
      const result = new Set(this);
      if (this.size <= size) {
        for (const value of this) if (has(value)) result.delete(value);
      } else {
        for (const value of keys()) result.delete(value);
      }
      return result;
    },
    symmetricDifference(other) {
      const { keys } = record(this, other);
      const result = new Set(this);
      for (const value of keys()) {
        if (this.has(value)) result.delete(value);
        else result.add(value);
      }
      return result;
    },
    isSubsetOf(other) {
      const { size, has } = record(this, other);
      if (this.size > size) return false;
      for (const value of this) if (!has(value)) return false;
      return true;
    },
    isSupersetOf(other) {
      const { size, keys } = record(this, other);
      if (this.size < size) return false;
      for (const value of keys()) if (!this.has(value)) return false;
      return true;
    },
    isDisjointFrom(other) {
      const { size, has, keys } = record(this, other);
      if (this.size <= size) {
        for (const value of this) if (has(value)) return false;
      } else {
        for (const value of keys()) if (this.has(value)) return false;
      }
      return true;
    },
  });
`;
