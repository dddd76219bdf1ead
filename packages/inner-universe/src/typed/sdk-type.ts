import type { ClientModule } from '@inner-universe/host/codegen';
import { AlgebraicType, TypeBuilder } from 'spacetimedb';

/** A type as a description of a module has it. */
export type DescribedType = ClientModule['tables'][number]['columns'][number]['algebraicType'];
type DescribedMember = Extract<DescribedType, { readonly type: 'product' }>['elements'][number];

/** A builder whose value type is known to the caller's types only. */
// oxlint-disable-next-line typescript/no-explicit-any
export type UntypedBuilder = TypeBuilder<any, AlgebraicType>;

/**
 * The SDK's builder of a type. Fields and variants keep the names of the description; what is special about options,
 * results, identities and times the SDK sees from their structure.
 * @throws {TypeError} where a name is no identifier: the SDK makes code of names.
 */
export function makeBuilder(type: DescribedType): UntypedBuilder {
  return new TypeBuilder(makeSdkType(type));
}

/** Gives a name back that can stand in code. @throws {TypeError} */
export function checkIdentifier(name: string | undefined): string {
  if (name !== undefined && /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(name)) return name;
  throw new TypeError(`The description of the module has the name ${JSON.stringify(name)}, which is no identifier.`);
}

function makeSdkType(type: DescribedType): AlgebraicType {
  switch (type.type) {
    case 'product':
      return AlgebraicType.Product({ elements: makeMembers(type.elements) });
    case 'sum':
      return AlgebraicType.Sum({ variants: makeMembers(type.variants) });
    case 'array':
      return AlgebraicType.Array(makeSdkType(type.element));
    case 'ref':
      throw new TypeError('The description of the module holds a reference to a type; a description has none.');
    default:
      return PRIMITIVES[type.type];
  }
}

function makeMembers(members: readonly DescribedMember[]): { name: string; algebraicType: AlgebraicType }[] {
  return members.map(({ name, algebraicType }) => ({
    name: checkIdentifier(name),
    algebraicType: makeSdkType(algebraicType),
  }));
}

const PRIMITIVES: Readonly<Record<Exclude<DescribedType['type'], 'product' | 'sum' | 'array' | 'ref'>, AlgebraicType>> =
  {
    string: AlgebraicType.String,
    bool: AlgebraicType.Bool,
    i8: AlgebraicType.I8,
    u8: AlgebraicType.U8,
    i16: AlgebraicType.I16,
    u16: AlgebraicType.U16,
    i32: AlgebraicType.I32,
    u32: AlgebraicType.U32,
    i64: AlgebraicType.I64,
    u64: AlgebraicType.U64,
    i128: AlgebraicType.I128,
    u128: AlgebraicType.U128,
    i256: AlgebraicType.I256,
    u256: AlgebraicType.U256,
    f32: AlgebraicType.F32,
    f64: AlgebraicType.F64,
  };
