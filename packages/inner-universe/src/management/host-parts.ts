/** What reading a schema needs of the host, in a file of its own: it is loaded when it is used, and left out of browsers. */
export { readModuleSchema } from '@inner-universe/host/codegen';
