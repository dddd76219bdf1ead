import type { HttpHandlerDef, HttpRouteDef } from './module-def.ts';
import type { RawHttpRoute } from './raw-module-def.ts';
import type { ValidationContext } from './validation-context.ts';

const PATH = /^$|^\/[a-z0-9\-_~/]*$/;

/** Checks the handlers of inbound HTTP requests and the routes to them. */
export function validateHttp(context: ValidationContext): {
  readonly httpHandlers: readonly HttpHandlerDef[];
  readonly httpRoutes: readonly HttpRouteDef[];
} {
  const { raw, names, problems } = context;
  const seen = new Set<string>();
  const httpHandlers = raw.httpHandlers.map((sourceName, id) => {
    const name = names.canonical('function', sourceName);
    if (seen.has(name)) problems.add('DuplicateHttpHandlerName', `two HTTP handlers are named \`${name}\``);
    seen.add(name);
    return { id, name, accessor: sourceName };
  });
  checkDuplicates(context);
  const httpRoutes = raw.httpRoutes.map((route) => validateRoute(context, route));
  return { httpHandlers, httpRoutes };
}

function validateRoute({ raw, names, problems }: ValidationContext, route: RawHttpRoute): HttpRouteDef {
  const { handlerFunction, method, path } = route;
  if (!PATH.test(path)) problems.add('InvalidHttpRoutePath', `\`${path}\` is not a path of a route`);
  if (!raw.httpHandlers.includes(handlerFunction)) {
    problems.add(
      'MissingHttpHandler',
      `the route \`${path}\` is to handler \`${handlerFunction}\`, which does not exist`,
    );
  }
  return { handlerName: names.canonical('function', handlerFunction), method, path };
}

function checkDuplicates({ raw, problems }: ValidationContext): void {
  for (const [index, route] of raw.httpRoutes.entries()) {
    const hasTwin = raw.httpRoutes.some(
      (other, otherIndex) => otherIndex > index && other.path === route.path && methodsMeet(other, route),
    );
    if (hasTwin)
      problems.add('DuplicateHttpRoute', `two routes answer ${route.method ?? 'any method'} \`${route.path}\``);
  }
}

function methodsMeet(a: RawHttpRoute, b: RawHttpRoute): boolean {
  return a.method === undefined || b.method === undefined || a.method === b.method;
}
