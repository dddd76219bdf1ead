/**
 * Reading a node as if it were an ordinary object or array.
 *
 * Invariants:
 * - A node has one view for ever, so parts that did not change are `===` across versions.
 * - A view shows nothing but the node: what lies on the proxy's target is never seen through it.
 */
import { ABSENT, OpaqueLeaf, slotToValue, TreeNode, type MaybeSlot, type Slot } from './slot.ts';
import { refuseWrite } from '../../values/read-only.ts';

/** Node's console prints a proxy's target, not what the proxy shows, unless the target has this method. */
const INSPECT: symbol = Symbol.for('nodejs.util.inspect.custom');
/** Under this name, which nobody else has, a view gives the node it shows. */
const NODE: unique symbol = Symbol('node');

/** What lies behind a proxy: an object, or an array so that `Array.isArray` is true. */
interface Target {
  [NODE]: TreeNode;
}

/** What a slot looks like to a reader. */
export function viewSlot(slot: Slot): unknown {
  if (slot instanceof TreeNode) return (slot.view ??= makeView(slot));
  return slot instanceof OpaqueLeaf ? slot.shared() : slot;
}

/** The node that a view shows, or `undefined` for anything else. */
export function tryViewedNode(value: object): TreeNode | undefined {
  const node: unknown = Reflect.get(value, NODE);
  return node instanceof TreeNode ? node : undefined;
}

/** The slot that an own property of this name has in a node; an array's `length` is none. */
export function slotOfProperty(node: TreeNode, property: string | symbol): MaybeSlot {
  if (typeof property === 'symbol') return ABSENT;
  if (node.kind === 'object') return node.find(property);
  const index = tryIndex(property);
  return index === undefined ? ABSENT : node.at(index);
}

/** The array index that a property name stands for. */
export function tryIndex(property: string): number | undefined {
  const first = property.charCodeAt(0);
  if (!(first >= 0x30 && first <= 0x39)) return undefined;
  const index = Number(property);
  return String(index) === property && Number.isInteger(index) ? index : undefined;
}

/** The names of a node's own properties, in order, the `length` of an array last. */
export function namesOf(node: TreeNode): string[] {
  const names: string[] = [];
  node.root?.forEach((_, key) => names.push(node.kind === 'array' ? String(names.length) : key));
  if (node.kind === 'array') names.push('length');
  return names;
}

/** The object that a proxy for a container of this kind must stand on, printing what `plain` gives. */
export function makeTarget(kind: 'array' | 'object', plain: () => unknown): object {
  const target = kind === 'array' ? [] : {};
  Object.defineProperty(target, INSPECT, { value: plain, configurable: true });
  return target;
}

function makeView(node: TreeNode): object {
  // The handlers below are the only readers of the target, and find the node there.
  const target = makeTarget(node.kind, () => slotToValue(node)) as Target;
  Object.defineProperty(target, NODE, { value: node, configurable: true });
  return new Proxy(target, handler);
}

const handler: ProxyHandler<Target> = {
  get(target, property, receiver) {
    const node = target[NODE];
    if (node.kind === 'array' && property === 'length') return node.count;
    const slot = slotOfProperty(node, property);
    if (slot !== ABSENT) return viewSlot(slot);
    return property === INSPECT ? undefined : Reflect.get(target, property, receiver);
  },

  has(target, property) {
    return slotOfProperty(target[NODE], property) !== ABSENT || Reflect.has(Object.getPrototypeOf(target), property);
  },

  ownKeys: (target) => namesOf(target[NODE]),

  getOwnPropertyDescriptor(target, property) {
    const node = target[NODE];
    if (node.kind === 'array' && property === 'length') {
      return { value: node.count, writable: true, enumerable: false, configurable: false };
    }
    const slot = slotOfProperty(node, property);
    return slot === ABSENT
      ? undefined
      : { value: viewSlot(slot), writable: false, enumerable: true, configurable: true };
  },

  set: refuseWrite,
  deleteProperty: refuseWrite,
  defineProperty: refuseWrite,
  setPrototypeOf: refuseWrite,
  preventExtensions: refuseWrite,
};
