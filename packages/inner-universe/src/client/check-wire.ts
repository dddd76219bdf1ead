/*
 * Checks of what is sent, made from the types that the generated bindings have at run time: programs without types may
 * give anything, and the encoder takes some of it for something else. What passes can be encoded, and kept.
 */
import { NervError } from '@inner-universe/nerv';
import type { AlgebraicType } from 'spacetimedb';
import { isWellFormed } from '../controller/check-options.ts';
import { tryFindNearest } from '../controller/nearest-name.ts';
import { NervPersistenceError } from '../errors.ts';
import { REMOTE_MODULE } from '../generated/module-bindings.ts';

/** What is wrong with a value, and where in it. */
interface WireFault {
  /** Such as `.ifSeq` or `.tags[2]`; empty for the value itself. */
  readonly path: string;
  readonly problem: string;
  /** It is a text that has no UTF-8. */
  readonly isHalf?: boolean;
}

/** Says what is wrong with a value; undefined when nothing is. */
export type WireCheck = (value: unknown) => WireFault | undefined;

type Fields = readonly { readonly name: string; readonly check: WireCheck }[];

const LARGEST = { U8: 8, U16: 16, U32: 32, I8: 7, I16: 15, I32: 31 } as const;
const BIG = { U64: 64n, U128: 128n, U256: 256n, I64: 63n, I128: 127n, I256: 255n } as const;

/** The error of a value that cannot be sent; `path` leads to the whole, such as `ops[3].value`. */
export function makeWireError(path: string, fault: WireFault): NervError<string> {
  const field = `${path}${fault.path}`;
  const end = fault.problem.endsWith('?') ? '' : '.';
  const message = `'${field}' ${fault.problem}${end} Nothing was sent.`;
  const options = { details: { field } };
  if (fault.isHalf === true) return new NervError('value/unsupported', message, options);
  return new NervPersistenceError('config/invalid', message, options);
}

/** The checks of the ops, by their tag. */
export function makeOpChecks(): ReadonlyMap<unknown, WireCheck> {
  const ops = typeOfApply('ops');
  const variants = ops?.tag === 'Array' && ops.value.tag === 'Sum' ? ops.value.value.variants : [];
  return new Map(
    variants.flatMap(({ name = '', algebraicType }) => {
      const tag = name.charAt(0).toLowerCase() + name.slice(1);
      return [[tag, makeCheck(algebraicType)] as const];
    }),
  );
}

/** The check of a consumer's advance; undefined is one that is not there. */
export function makeConsumerCheck(): WireCheck {
  const type = typeOfApply('consumer');
  return type === undefined ? () => undefined : makeCheck(type);
}

/** The checks of the arguments of reads, by the accessor of their procedure. */
export function makeReadChecks(): ReadonlyMap<string, WireCheck> {
  return new Map(
    REMOTE_MODULE.procedures.map(({ accessorName, params }) => {
      const builders: Readonly<Record<string, { readonly algebraicType: AlgebraicType }>> = params;
      const fields = Object.entries(builders).map(([name, builder]) => ({
        name,
        check: makeCheck(builder.algebraicType),
      }));
      return [accessorName, checkProduct(fields)] as const;
    }),
  );
}

function typeOfApply(name: string): AlgebraicType | undefined {
  const { elements = [] } = REMOTE_MODULE.reducers.find((reducer) => reducer.name === 'apply')?.paramsType ?? {};
  return elements.find((element) => element.name === name)?.algebraicType;
}

function makeCheck(type: AlgebraicType): WireCheck {
  switch (type.tag) {
    case 'String':
      return checkText;
    case 'Bool':
      return (value) => (typeof value === 'boolean' ? undefined : wrong(value, 'true or false'));
    case 'U8':
    case 'U16':
    case 'U32':
    case 'I8':
    case 'I16':
    case 'I32':
      return checkWhole(2 ** LARGEST[type.tag], type.tag.startsWith('I'));
    case 'U64':
    case 'U128':
    case 'U256':
    case 'I64':
    case 'I128':
    case 'I256':
      return checkBig(1n << BIG[type.tag], type.tag.startsWith('I'));
    case 'F32':
    case 'F64':
      return (value) => (typeof value === 'number' ? undefined : wrong(value, 'a number'));
    case 'Array':
      return type.value.tag === 'U8' ? checkBytes : checkArray(makeCheck(type.value));
    case 'Product':
      return checkProduct(
        type.value.elements.map(({ name, algebraicType }) => ({ name: name ?? '', check: makeCheck(algebraicType) })),
      );
    case 'Sum':
      return makeSumCheck(type.value.variants);
    default:
      return () => undefined;
  }
}

function makeSumCheck(
  variants: readonly { readonly name?: string | null; readonly algebraicType: AlgebraicType }[],
): WireCheck {
  const [some, none] = variants;
  if (variants.length === 2 && some?.name === 'some' && none?.name === 'none') {
    const check = makeCheck(some.algebraicType);
    return (value) => (value === undefined || value === null ? undefined : check(value));
  }
  const checks = new Map<unknown, WireCheck>(
    variants.map(({ name, algebraicType }) => [name ?? '', makeCheck(algebraicType)]),
  );
  const names = [...checks.keys()].join(', ');
  return (value) => {
    if (!isRecord(value)) return wrong(value, 'an object with tag and value');
    const check = checks.get(value['tag']);
    if (check === undefined) return within('.tag', wrong(value['tag'], names));
    const fault = value['value'] === undefined ? undefined : check(value['value']);
    return fault && within('.value', fault);
  };
}

function checkText(value: unknown): WireFault | undefined {
  if (typeof value !== 'string') return wrong(value, 'a text');
  if (isWellFormed(value)) return undefined;
  return { path: '', problem: 'has half a surrogate pair, which cannot be written', isHalf: true };
}

function checkWhole(end: number, isSigned: boolean): WireCheck {
  const least = isSigned ? -end : 0;
  const takes = `a whole number, ${least} to ${end - 1}`;
  return (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) < end ? undefined : wrong(value, takes);
}

function checkBig(end: bigint, isSigned: boolean): WireCheck {
  const least = isSigned ? -end : 0n;
  const takes = `a bigint, ${least} to ${end - 1n}`;
  return (value) => (typeof value === 'bigint' && value >= least && value < end ? undefined : wrong(value, takes));
}

function checkBytes(value: unknown): WireFault | undefined {
  return value instanceof Uint8Array ? undefined : wrong(value, 'a Uint8Array');
}

function checkArray(check: WireCheck): WireCheck {
  return (value) => {
    if (!Array.isArray(value)) return wrong(value, 'an array');
    // By index: holes are looked at too.
    for (let index = 0; index < value.length; index += 1) {
      const fault = check(value[index]);
      if (fault !== undefined) return within(`[${index}]`, fault);
    }
    return undefined;
  };
}

function checkProduct(fields: Fields): WireCheck {
  const names: ReadonlySet<string> = new Set(fields.map(({ name }) => name));
  return (value) => {
    if (!isRecord(value)) return wrong(value, 'an object');
    // First, so that a mistyped name is told, and not that the right one is missing. Most come in the order of the type.
    let place = 0;
    for (const name in value) {
      const isNext = fields[place]?.name === name;
      place += 1;
      if (!isNext && !names.has(name) && value[name] !== undefined) return unknownField(name, [...names]);
    }
    for (const { name, check } of fields) {
      const fault = check(value[name]);
      if (fault !== undefined) return within(`.${name}`, fault);
    }
    return undefined;
  };
}

function unknownField(name: string, names: readonly string[]): WireFault {
  const meant = tryFindNearest(name, names);
  const hint = meant === undefined ? `there are ${names.join(', ')}` : `did you mean '${meant}'?`;
  return { path: `.${name}`, problem: `is no field: ${hint}` };
}

function within(step: string, fault: WireFault): WireFault {
  return { ...fault, path: `${step}${fault.path}` };
}

function wrong(value: unknown, takes: string): WireFault {
  return { path: '', problem: `is ${show(value)}; it takes ${takes}` };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : `${String(value).slice(0, 100)} (${typeof value})`;
}
