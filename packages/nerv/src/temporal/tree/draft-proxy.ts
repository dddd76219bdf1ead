/** Drafts as users see them: ordinary mutable objects and arrays, for as long as the draft function runs. */
import { refuse } from '../../values/encode.ts';
import { checkOpen, DRAFT, Nested, type Draft } from './draft-slot.ts';
import { ABSENT, slotToValue } from './slot.ts';
import { makeTarget } from './view.ts';

interface Target {
  [DRAFT]: Nested;
}

/** The proxy through which users change a draft. */
export function makeDraftProxy(draft: Draft): object {
  // The handler below is the only reader of the target, and finds the draft there.
  const target = makeTarget(draft.kind, () => slotToValue(draft.finish(''))) as Target;
  Object.defineProperty(target, DRAFT, { value: new Nested(draft), configurable: true });
  return new Proxy(target, handler);
}

const handler: ProxyHandler<Target> = {
  get(target, property, receiver) {
    if (typeof property === 'symbol') return Reflect.get(target, property, receiver);
    const draft = openDraft(target);
    const value = draft.read(property);
    if (value !== ABSENT) return value;
    return draft.tryMethod(property) ?? Reflect.get(target, property, receiver);
  },

  set(target, property, value) {
    openDraft(target).write(nameOf(property), value);
    return true;
  },

  has(target, property) {
    if (typeof property === 'symbol') return Reflect.has(target, property);
    return openDraft(target).has(property) || Reflect.has(target, property);
  },

  deleteProperty(target, property) {
    if (typeof property === 'string') openDraft(target).remove(property);
    return true;
  },

  ownKeys: (target) => openDraft(target).names(),

  getOwnPropertyDescriptor(target, property) {
    const draft = openDraft(target);
    if (typeof property === 'symbol') return undefined;
    const value = draft.read(property);
    if (value === ABSENT) return undefined;
    const isLength = draft.kind === 'array' && property === 'length';
    return { value, writable: true, enumerable: !isLength, configurable: !isLength };
  },

  defineProperty(target, property, descriptor) {
    const name = nameOf(property);
    if (!Object.hasOwn(descriptor, 'value')) refuse(`/${name}`, 'a property with a getter or setter');
    openDraft(target).write(name, descriptor.value);
    return true;
  },

  setPrototypeOf: () => refuse('', 'an object with a prototype of its own'),
  preventExtensions: () => refuse('', 'a frozen draft'),
};

function openDraft(target: Target): Draft {
  const { draft } = target[DRAFT];
  checkOpen(draft.session);
  return draft;
}

function nameOf(property: string | symbol): string {
  return typeof property === 'string' ? property : refuse('', 'an object with a symbol as key');
}
