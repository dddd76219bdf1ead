/** What describing a module needs of the host, in a file of its own: it is loaded when it is used, and left out of browsers. */
export { readModule } from '@inner-universe/host';
export { describeClientModule } from '@inner-universe/host/codegen';
