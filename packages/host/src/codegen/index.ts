export {
  type ClientColumn,
  type ClientFunction,
  type ClientModule,
  type ClientProcedure,
  type ClientTable,
  type ClientTableIndex,
  describeClientModule,
} from './client-module.ts';
export { type BindingsOptions, generateBindings } from './generate-bindings.ts';
export { readModuleSchema } from './read-schema.ts';
export { typeText } from '../migration/type-text.ts';
