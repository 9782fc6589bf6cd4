/** Operations as the running OpenAPI document describes them, and requests made from it. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { createCsr, createKeyPair } from '#certs/csr';
import { type Objects, PASSWORD } from './policy-world.ts';

const Document = Type.Object({
  paths: Type.Record(
    Type.String(),
    Type.Record(
      Type.String(),
      Type.Object({
        operationId: Type.String(),
        'x-action': Type.Optional(Type.String()),
        'x-auth': Type.String(),
        parameters: Type.Array(
          Type.Object({ name: Type.String(), in: Type.String(), required: Type.Boolean() }),
        ),
        requestBody: Type.Optional(
          Type.Object({
            content: Type.Object({
              'application/json': Type.Object({ example: Type.Record(Type.String(), Type.Unknown()) }),
            }),
          }),
        ),
        responses: Type.Record(Type.String(), Type.Unknown()),
      }),
    ),
  ),
});

export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly action: string | undefined;
  readonly auth: string;
  readonly parameters: readonly string[];
  /** Of the query. */
  readonly required: readonly string[];
  readonly example: Readonly<Record<string, unknown>> | undefined;
  readonly success: number;
}

/**
 * What a probe aims at: an object by its id, an organisation in body or filter (one that must be given, where devices
 * are not named), or nothing in particular.
 */
export type Aim = 'path' | 'body' | 'filter' | 'group' | 'none';

export function readOperations(document: unknown): Operation[] {
  if (!Value.Check(Document, document)) throw new Error(JSON.stringify(Value.Errors(Document, document)));
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      action: operation['x-action'],
      auth: operation['x-auth'],
      parameters: operation.parameters.map(({ name }) => name),
      required: operation.parameters.flatMap((one) => (one.in === 'query' && one.required ? [one.name] : [])),
      example: operation.requestBody?.content['application/json'].example,
      success: Number(Object.keys(operation.responses).find((status) => status.startsWith('2'))),
    })),
  );
}

export function aimOf({ path, parameters, example }: Operation): Aim {
  if (path.includes('{')) return 'path';
  if (example !== undefined && 'organization_id' in example) return 'body';
  if (parameters.includes('device_ids')) return 'group';
  return parameters.includes('org_id') ? 'filter' : 'none';
}

/** Whether a successful call takes away what it was aimed at. */
export const isDestructive = ({ id, method }: Operation): boolean =>
  method === 'DELETE' || id === 'devices.revoke' || id === 'members.update';

/** Parameters that are no ids. */
const NAMES: Readonly<Record<string, string>> = { metric_type: 'cpu', stream: 'logs' };

/** Address of the operation for the given objects; null aims at nothing. Lists are asked for in full. */
export function urlOf({ path, parameters, required }: Operation, target: Objects | null): string {
  const ids: Readonly<Record<string, string>> = { ...target, name: target?.metric_type ?? 'none' };
  const url = path.replace(/\{(\w+)\}/g, (_match, name: string) => ids[name] ?? 'nothing');
  const query = new URLSearchParams(Object.fromEntries(required.map((name) => [name, NAMES[name] ?? ''])));
  if (parameters.includes('page_size')) query.set('page_size', '500');
  if (parameters.includes('org_id') && target !== null) query.set('org_id', target.organization_id);
  return query.size === 0 ? url : `${url}?${query}`;
}

/** The example of the document, with names that are still free and with secrets that are right. */
export function bodyOf(
  { id, example }: Operation,
  target: Objects | null,
  secrets: { readonly email: string; readonly registrationToken: string; readonly settingsVersion: number },
): Record<string, unknown> | undefined {
  if (example === undefined) return undefined;
  const suffix = randomUUID().slice(0, 8);
  const replacements: Record<string, unknown> = {
    organization_id: target?.organization_id,
    device_name: `device ${suffix}`,
    hardware_id: `hardware-${suffix}`,
    slug: `org-${suffix}`,
    name: `name-${suffix}`,
    email: id === 'auth.login' ? secrets.email : `new-${suffix}@example.com`,
    password: PASSWORD,
    current_password: PASSWORD,
    new_password: `new ${PASSWORD}`,
    registration_token: secrets.registrationToken,
    csr: createCsr(createKeyPair().privateKeyPem),
    devices: [{ device_name: `import ${suffix}`, device_type: 'gateway', hardware_id: `import-${suffix}` }],
    // Has its own test: what it names must be of the same organisation.
    replaces_device_id: undefined,
    dry_run: false,
    version: secrets.settingsVersion,
  };
  const filled = Object.entries(example).map(([name, value]) => [
    name,
    Object.hasOwn(replacements, name) ? replacements[name] : value,
  ]);
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}
