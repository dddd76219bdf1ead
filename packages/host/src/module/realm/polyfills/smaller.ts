/** Single functions of objects, promises, maps, numbers, text and errors. */
export const SMALLER_SOURCE: string = `
  defineAll(Promise, {
    withResolvers() {
      let resolve;
      let reject;
      const promise = new this((onResolve, onReject) => { resolve = onResolve; reject = onReject; });
      return { promise, resolve, reject };
    },
    try(callback, ...args) { return new this((resolve) => resolve(callback(...args))); },
  });
  const forEachGroup = (items, key, add) => {
    callable(key);
    let index = 0;
    for (const item of items) add(key(item, index++), item);
  };
  defineAll(Object, {
    groupBy(items, key) {
      const groups = Object.create(null);
      forEachGroup(items, key, (name, item) => (groups[name] ??= []).push(item));
      return groups;
    },
  });
  defineAll(Map, {
    groupBy(items, key) {
      const groups = new Map();
      forEachGroup(items, key, (name, item) => {
        const group = groups.get(name);
        if (group === undefined) groups.set(name, [item]);
        else group.push(item);
      });
      return groups;
    },
  });
  for (const { prototype } of [Map, WeakMap]) {
    defineAll(prototype, {
      getOrInsert(key, value) {
        if (this.has(key)) return this.get(key);
        this.set(key, value);
        return value;
      },
      getOrInsertComputed(key, compute) {
        callable(compute);
        if (this.has(key)) return this.get(key);
        const value = compute(Object.is(key, -0) ? 0 : key);
        this.set(key, value);
        return value;
      },
    });
  }
  defineAll(Array, {
    async fromAsync(source, mapper, thisArg) {
      if (mapper !== undefined) callable(mapper);
      const result = [];
      const items = source[Symbol.asyncIterator] || source[Symbol.iterator] ? source : Array.from(source);
      for await (const item of items) result.push(mapper === undefined ? item : await apply(mapper, thisArg, [item, result.length]));
      return result;
    },
  });

  const roundToEven = (value) => {
    const floor = Math.floor(value);
    const rest = value - floor;
    return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  };
  // Every double is a whole number of the smallest one, 2 ** -1074: sums of those are exact.
  const toUnits = (value) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    const bits = view.getBigUint64(0);
    const exponent = (bits >> 52n) & 0x7ffn;
    const fraction = bits & 0xfffffffffffffn;
    const units = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n);
    return value < 0 ? -units : units;
  };
  const fromUnits = (sum) => {
    const units = sum < 0n ? -sum : sum;
    const excess = units.toString(2).length - 53;
    let result = Number(units) * 2 ** -1074;
    if (excess > 0) {
      const step = BigInt(excess);
      let mantissa = units >> step;
      const rest = units & ((1n << step) - 1n);
      const half = 1n << (step - 1n);
      if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa += 1n;
      // In two steps: either factor alone is a number that a double can be.
      result = excess > 1074 ? Number(mantissa) * 2 ** (excess - 1074) : Number(mantissa) * 2 ** (excess - 1074 + 537) * 2 ** -537;
    }
    return sum < 0n ? -result : result;
  };
  defineAll(Math, {
    f16round(value) {
      const number = Number(value);
      const magnitude = Math.abs(number);
      if (magnitude === 0 || !(magnitude < Infinity)) return number;
      let step = 2 ** -24;
      while (magnitude / step >= 2048) step *= 2;
      const rounded = roundToEven(magnitude / step) * step;
      const result = rounded > 65504 ? Infinity : rounded;
      return number < 0 ? -result : result;
    },
    sumPrecise(items) {
      let sum = 0n;
      let special;
      let isMinusZero = true;
      for (const item of items) {
        if (typeof item !== 'number') throw new TypeError('Math.sumPrecise adds numbers only');
        if (!Object.is(item, -0)) isMinusZero = false;
        if (Number.isFinite(item)) sum += toUnits(item);
        else special = special === undefined ? item : special + item;
      }
      if (special !== undefined) return special;
      return isMinusZero ? -0 : fromUnits(sum);
    },
  });

  const hex = (code, digits) => code.toString(16).padStart(digits, '0');
  const escapeCharacter = (character, isFirst) => {
    const code = character.codePointAt(0);
    if (isFirst && /[0-9A-Za-z]/.test(character)) return '\\\\x' + hex(code, 2);
    if (/[\\^$\\\\.*+?()[\\]{}|\\/]/.test(character)) return '\\\\' + character;
    const control = '\\t\\n\\v\\f\\r'.indexOf(character);
    if (control >= 0) return '\\\\' + 'tnvfr'[control];
    if (!/[,\\-=<>#&!%:;@~'\`"\\s]/.test(character) && !(code >= 0xd800 && code <= 0xdfff)) return character;
    return code <= 0xff ? '\\\\x' + hex(code, 2) : '\\\\u' + hex(code, 4);
  };
  defineAll(RegExp, {
    escape(text) {
      if (typeof text !== 'string') throw new TypeError('RegExp.escape takes a string');
      let escaped = '';
      for (const character of text) escaped += escapeCharacter(character, escaped === '');
      return escaped;
    },
  });
  const tagOf = Object.prototype.toString;
  defineAll(Error, {
    isError(value) {
      if (typeof value !== 'object' || value === null) return false;
      return value instanceof Error || (!(Symbol.toStringTag in value) && apply(tagOf, value, []) === '[object Error]');
    },
  });
`;
