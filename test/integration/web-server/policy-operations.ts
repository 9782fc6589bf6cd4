/** Operations as the running OpenAPI document describes them, and requests made from it. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { createCsr, createKeyPair } from '#certs/csr';
import { type Kind, type Objects, randomObjects } from './policy-objects.ts';
import { PASSWORD } from './policy-world.ts';

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
      success: Number(Object.keys(operation.responses).find((status) => /^[23]/.test(status))),
    })),
  );
}

export function aimOf({ path, parameters, example }: Operation): Aim {
  if (path.includes('{')) return 'path';
  if (example !== undefined && 'organization_id' in example) return 'body';
  if (parameters.includes('device_ids')) return 'group';
  return parameters.includes('org_id') ? 'filter' : 'none';
}

const SPENT: readonly string[] = [
  ...['devices.revoke', 'certificates.revoke', 'members.update', 'users.update'],
  ...['approvals.approve', 'approvals.reject'],
];
/** Whether a successful call takes away what it was aimed at, or changes it for good. */
export const isDestructive = ({ id, method }: Operation): boolean =>
  method === 'DELETE' || SPENT.includes(id);

/** What of the world an operation names: by the address, or by the body. */
export const kindsOf = (operation: Operation): Kind[] => {
  const named = addressed(operation).map((name) => (name === 'name' ? 'metric_type' : name));
  const inBody = operation.id.startsWith('approvals.') ? ['approval_id'] : [];
  return [...named, ...inBody].filter(isKind);
};
const isKind = (name: string): name is Kind =>
  name !== 'organization_id' && Object.hasOwn(randomObjects(), name);

/** Operations that name something of the installation, which belongs to no organisation. */
export const isOfInstallation = ({ id }: Operation): boolean =>
  id === 'users.update' || id === 'authorities.retire';

/** Whether a successful call takes the organisation itself away, or gives it back. */
export const endsOrganization = ({ id }: Operation): boolean =>
  id === 'organizations.suspend' || id === 'organizations.resume' || id === 'organizations.delete';

/** The parameter of the path that says what is addressed, as far as the world has one of it. */
export const addressed = ({ path }: Operation): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

/** Parameters that are no ids. */
const NAMES: Readonly<Record<string, string>> = { metric_type: 'cpu', stream: 'logs' };
/** Of kinds that the world has none of. */
const NO_ID = '00000000-0000-4000-8000-000000000000';

/** What a probe is about, with what is no object of one organisation alone. */
export type Aimed = Objects & { readonly entry_id?: string; readonly authority_id?: string };

/** Address of the operation for the given objects; null aims at nothing. Lists are asked for in full. */
export function urlOf({ path, parameters, required }: Operation, target: Aimed | null): string {
  const ids: Readonly<Record<string, string>> = {
    secret_name: 'no-such-secret',
    serial: '0a',
    authority_id: 'ca-00000000',
    entry_id: '1',
    ...target,
    name: target?.metric_type ?? 'none',
  };
  const url = path.replace(/\{(\w+)\}/g, (_match, name: string) => ids[name] ?? NO_ID);
  const query = new URLSearchParams(Object.fromEntries(required.map((name) => [name, NAMES[name] ?? ''])));
  if (parameters.includes('confirm')) query.set('confirm', target?.organization_name ?? 'none');
  if (parameters.includes('page_size')) query.set('page_size', '500');
  if (parameters.includes('org_id') && target !== null) query.set('org_id', target.organization_id);
  return query.size === 0 ? url : `${url}?${query}`;
}

/** The example of the document, with names that are still free and with secrets that are right. */
export function bodyOf(
  { id, example }: Operation,
  target: Aimed | null,
  secrets: {
    readonly email: string;
    readonly registrationToken: string;
    readonly settingsVersion: number;
    /** Of a device that neither organisation of the world has. */
    readonly claimCode?: string;
    /** Of the second factor. */
    readonly code?: string;
  },
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
    ...(id === 'claims.create' ? { code: secrets.claimCode } : {}),
    ...(id.startsWith('second_factor.') ? { code: secrets.code } : {}),
    // Nobody here has one.
    ...(id === 'auth.login' ? { code: undefined } : {}),
    authority_id: target?.authority_id ?? 'ca-00000000',
    approval_ids: [target?.approval_id ?? NO_ID],
    names: target === null ? [] : [target.secret_name],
    scopes: ['device.read'],
    expires_in_days: 1,
    max_api_key_days: null,
    csr: createCsr(createKeyPair().privateKeyPem),
    devices: [{ device_name: `import ${suffix}`, device_type: 'gateway', hardware_id: `import-${suffix}` }],
    // Has its own test: what it names must be of the same organisation.
    replaces_device_id: undefined,
    dry_run: false,
    group_ids: id === 'tokens.create' ? [target?.group_id ?? NO_ID] : null,
    disabled: false,
    is_system_admin: false,
    add: target === null ? [] : [target.device_id],
    remove: [],
    allowed_networks: [],
    require_totp: false,
    enrollment_approval: 'never',
    version: secrets.settingsVersion,
  };
  const filled = Object.entries(example).map(([name, value]) => [
    name,
    Object.hasOwn(replacements, name) ? replacements[name] : value,
  ]);
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}
