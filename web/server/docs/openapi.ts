/** OpenAPI 3.1 from the table of routes. Pure. */
import type { TSchema } from 'typebox';
import * as contract from '#web-api';
import { type Authentication, Problem, ROUTES, type Route } from '#web-api';
import { exampleOf, type SchemaNode } from './example.ts';

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, unknown>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  /** Word of the policy table. */
  readonly 'x-action': string;
  readonly 'x-auth': Authentication;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly Parameter[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, unknown>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: unknown;
}

const SECURITY: Readonly<Record<Authentication, Operation['security']>> = {
  public: [],
  session: [{ session: [] }],
  device: [{ deviceToken: [] }],
  certificate: [{ deviceCertificate: [] }],
};
const SECURITY_OF_WRITES: Operation['security'] = [{ session: [], csrf: [] }];

const SECURITY_SCHEMES = {
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-edge_session',
    description: 'Set by auth.login; `edge_session` on plain HTTP.',
  },
  csrf: {
    type: 'apiKey',
    in: 'header',
    name: 'x-csrf-token',
    description: '`csrf_token` of auth.me; needed by every write of a session.',
  },
  deviceToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `auth_token` of a device.',
  },
  deviceCertificate: { type: 'mutualTLS', description: 'The client certificate of a device.' },
} as const;

export function buildOpenApi(version: string): OpenApiDocument {
  const schemas = new SchemaRegistry();
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(name, route, schemas) };
  }
  schemas.refer(Problem);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ops-Center Edge',
      version,
      description: 'Errors are problem+json (RFC 9457). Unknown fields of a body are ignored.',
    },
    servers: [{ url: '/' }],
    tags: [...new Set(Object.values<Route>(ROUTES).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: { schemas: schemas.components, securitySchemes: SECURITY_SCHEMES },
  };
}

function operationOf(name: string, route: Route, schemas: SchemaRegistry): Operation {
  const isWrite = route.auth === 'session' && route.method !== 'GET';
  return {
    operationId: name,
    summary: route.summary,
    tags: [route.tag],
    'x-action': route.action,
    'x-auth': route.auth,
    security: isWrite ? SECURITY_OF_WRITES : SECURITY[route.auth],
    parameters: [...parametersOf(route, 'path', schemas), ...parametersOf(route, 'query', schemas)],
    ...(route.body === undefined ? {} : { requestBody: requestBodyOf(name, route.body, schemas) }),
    responses: responsesOf(route, schemas),
  };
}

function parametersOf(route: Route, place: 'path' | 'query', schemas: SchemaRegistry): Parameter[] {
  const object = place === 'path' ? route.params : route.query;
  const required: readonly string[] = object?.required ?? [];
  return Object.entries<TSchema>(object?.properties ?? {}).map(([name, schema]) => {
    const { description } = schema as SchemaNode;
    return {
      name,
      in: place,
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: schemas.refer(schema),
    };
  });
}

function requestBodyOf(name: string, body: TSchema, schemas: SchemaRegistry): unknown {
  const json = { schema: schemas.refer(body), example: exampleOf(body as SchemaNode) };
  const csv = {
    schema: {
      type: 'string',
      description:
        'Header device_name,device_type,hardware_id,tags; tags split by `;`. organization_id and dry_run go into the query string.',
    },
  };
  return {
    required: true,
    content: { 'application/json': json, ...(name === 'devices.import' ? { 'text/csv': csv } : {}) },
  };
}

function responsesOf(route: Route, schemas: SchemaRegistry): Record<string, unknown> {
  const type = route.produces ?? 'application/json';
  const schema = route.response === undefined ? { type: 'string' } : schemas.refer(route.response);
  const hasContent = route.response !== undefined || route.produces !== undefined;
  const problem = { content: { 'application/problem+json': { schema: schemas.refer(Problem) } } };
  const problems = Object.entries(problemsOf(route)).map(
    ([status, description]) => [status, { description, ...problem }] as const,
  );
  return {
    [route.status]: {
      description: 'Done',
      ...(hasContent ? { content: { [type]: { schema }, ...otherFormats(route, schema) } } : {}),
    },
    ...Object.fromEntries(problems),
    default: { description: 'Any other error', ...problem },
  };
}

/** Exports are CSV or, where `format` says so, NDJSON. */
const otherFormats = ({ produces }: Route, schema: unknown): Record<string, unknown> =>
  produces === 'text/csv' ? { 'application/x-ndjson': { schema } } : {};

function problemsOf(route: Route): Record<string, string> {
  const isWrite = route.method !== 'GET';
  const names = route.params ?? route.query ?? route.body;
  return {
    400: 'The request is not valid; `errors` names the fields',
    ...(route.auth === 'public' && !isWrite ? {} : { 401: 'Not signed in, or the token is not valid' }),
    ...(route.auth === 'session' || isWrite
      ? { 403: 'The role, or where it comes from, does not allow this' }
      : {}),
    ...(names === undefined ? {} : { 404: 'No such object, or not yours' }),
    ...(isWrite ? { 409: 'Another state of the object is in the way', 422: 'Cannot be done as asked' } : {}),
    ...(isWrite ? { 413: 'Body too large', 415: 'Content type not accepted' } : {}),
    429: 'Too many requests',
    503: 'A part of the service does not answer; try again',
  };
}

/** Schemas that the contract exports by name become components; all others stand where they are used. */
class SchemaRegistry {
  readonly components: Record<string, unknown> = {};
  readonly #names = namedSchemas();

  refer(schema: unknown): unknown {
    const name = this.#names.get(schema);
    if (name === undefined) return this.#copy(schema);
    if (!Object.hasOwn(this.components, name)) {
      this.components[name] = {};
      this.components[name] = this.#copy(schema);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #copy(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((inner) => this.refer(inner));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([key]) => key !== '$id' && !key.startsWith('~'));
    return Object.fromEntries(entries.map(([key, inner]) => [key, this.refer(inner)]));
  }
}

function namedSchemas(): ReadonlyMap<unknown, string> {
  const isSchema = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    ('type' in value || 'anyOf' in value) &&
    !Array.isArray(value);
  return new Map(
    Object.entries(contract)
      .filter(([, value]) => isSchema(value))
      .map(([name, value]) => [value, name]),
  );
}
