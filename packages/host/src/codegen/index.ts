export { generateBindings, type BindingsOptions } from './generate-bindings.ts';
