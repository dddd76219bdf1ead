/** A module definition as the module wrote it: names are source names, types refer into the typespace. */
export interface RawModuleDef {
  readonly sections: readonly unknown[];
}
