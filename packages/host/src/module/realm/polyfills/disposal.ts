/** Explicit resource management: its symbols, stacks and error. The statement itself is lowered by the bundler. */
export const DISPOSAL_SOURCE: string = `
  for (const name of ['dispose', 'asyncDispose']) {
    if (!Object.hasOwn(Symbol, name)) {
      Object.defineProperty(Symbol, name, { value: Symbol('Symbol.' + name), writable: false, enumerable: false, configurable: false });
    }
  }
  if (!Object.hasOwn(globalThis, 'SuppressedError')) {
    class SuppressedError extends Error {
      constructor(error, suppressed, message) {
        super(message);
        for (const [name, value] of [['error', error], ['suppressed', suppressed]]) {
          Object.defineProperty(this, name, { value, writable: true, enumerable: false, configurable: true });
        }
      }
    }
    Object.defineProperty(SuppressedError.prototype, 'name', { value: 'SuppressedError', writable: true, enumerable: false, configurable: true });
    define(globalThis, 'SuppressedError', SuppressedError);
  }
  const suppress = (failure, error) => ({ error: failure === undefined ? error : new globalThis.SuppressedError(error, failure.error) });

  const makeStackClass = (name, symbolsOf) => class Stack {
    #resources = [];
    #isDisposed = false;
    static { Object.defineProperty(this, 'name', { value: name, configurable: true }); }
    get disposed() { return this.#isDisposed; }
    use(value) {
      this.#assertOpen();
      if (value === null || value === undefined) {
        if (name === 'AsyncDisposableStack') this.#resources.push(() => undefined);
        return value;
      }
      const symbol = symbolsOf().find((candidate) => value[candidate] !== undefined && value[candidate] !== null);
      if (symbol === undefined) throw new TypeError('the value is not disposable');
      const method = callable(value[symbol]);
      this.#resources.push(() => {
        const result = apply(method, value, []);
        // What a synchronous method returns is not waited for.
        return symbol === Symbol.dispose ? undefined : result;
      });
      return value;
    }
    adopt(value, onDispose) {
      this.#assertOpen();
      callable(onDispose);
      this.#resources.push(() => onDispose(value));
      return value;
    }
    defer(onDispose) {
      this.#assertOpen();
      this.#resources.push(callable(onDispose));
    }
    move() {
      this.#assertOpen();
      const moved = new Stack();
      moved.#resources = this.#resources;
      this.#resources = [];
      this.#isDisposed = true;
      return moved;
    }
    // Takes what is to be disposed, the last first; nothing when that was done already.
    take() {
      const resources = this.#isDisposed ? [] : this.#resources.reverse();
      this.#resources = [];
      this.#isDisposed = true;
      return resources;
    }
    #assertOpen() {
      if (this.#isDisposed) throw new ReferenceError('Cannot add values to a disposed stack!');
    }
  };
  const addStackClass = (name, symbolsOf, symbol, methodName, dispose) => {
    if (Object.hasOwn(globalThis, name)) return;
    const Stack = makeStackClass(name, symbolsOf);
    const { prototype } = Stack;
    const take = prototype.take;
    delete prototype.take;
    define(prototype, methodName, dispose(take));
    Object.defineProperty(prototype, symbol, { value: prototype[methodName], writable: true, enumerable: false, configurable: true });
    Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
    define(globalThis, name, Stack);
  };
  addStackClass('DisposableStack', () => [Symbol.dispose], Symbol.dispose, 'dispose', (take) => function dispose() {
    let failure;
    for (const resource of apply(take, this, [])) {
      try {
        resource();
      } catch (error) {
        failure = suppress(failure, error);
      }
    }
    if (failure !== undefined) throw failure.error;
  });
  addStackClass('AsyncDisposableStack', () => [Symbol.asyncDispose, Symbol.dispose], Symbol.asyncDispose, 'disposeAsync', (take) => async function disposeAsync() {
    let failure;
    for (const resource of apply(take, this, [])) {
      try {
        await resource();
      } catch (error) {
        failure = suppress(failure, error);
      }
    }
    if (failure !== undefined) throw failure.error;
  });
`;
