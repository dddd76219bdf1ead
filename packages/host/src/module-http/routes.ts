import type { HttpHandlerDef, ModuleDef } from '../schema/module-def.ts';

/**
 * The handler of the route for a method and a path, both matched exactly: a slash at the end makes another path, and
 * HEAD is not answered by what answers GET. Undefined when the module has none.
 */
export function findRoute(
  { httpRoutes, httpHandlers }: ModuleDef,
  { method, path }: { readonly method: string; readonly path: string },
): HttpHandlerDef | undefined {
  const route = httpRoutes.find(
    (candidate) => candidate.path === path && (candidate.method === undefined || candidate.method === method),
  );
  return route === undefined ? undefined : httpHandlers.find(({ name }) => name === route.handlerName);
}

/** Whether the module itself says what a method may do at a path: a route for any method does not count. */
export function hasOwnRoute({ httpRoutes }: ModuleDef, method: string, path: string): boolean {
  return httpRoutes.some((route) => route.path === path && route.method === method);
}
