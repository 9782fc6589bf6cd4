/** Secrets of an organisation by name, and the keys that encrypt its data at rest. */
import { type Static, Type } from 'typebox';
import { Nullable, PageOf, PageQuery, Timestamp, Uuid } from './page.ts';
import type { Route } from './route.ts';

export const SECRET_PROVIDERS = ['builtin', 'vault', 'aws'] as const;
export const KEY_STATES = ['active', 'retiring', 'retired', 'destroyed'] as const;
export const KEY_PROVIDERS = ['local', 'vault', 'aws-kms'] as const;
export const MAX_SECRET_CHARACTERS = 65_536;
/** Secrets of one check. */
export const MAX_CHECKED_SECRETS = 100;

const Name = Type.String({
  pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,63}$',
  description: 'Configurations refer to it as `secret:NAME`.',
});
const OrgId = Type.Object({ organization_id: Uuid() });
const SecretParams = Type.Object({ organization_id: Uuid(), secret_name: Name });

export const SecretBody = Type.Object(
  {
    provider: Type.Optional(Type.Enum([...SECRET_PROVIDERS], { default: 'builtin' })),
    value: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: MAX_SECRET_CHARACTERS,
        description: 'Of a built-in secret; never given back by any route.',
      }),
    ),
    path: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 300,
        description: 'Where vault or aws has it, below the folder of the organisation.',
      }),
    ),
    field: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description:
          'Field of a Vault secret (default `value`) or of a JSON text in AWS (default: the whole text).',
      }),
    ),
  },
  { examples: [{ provider: 'builtin', value: 'correct horse battery' }] },
);
export type SecretBody = Static<typeof SecretBody>;

export const SecretView = Type.Object({
  name: Type.String(),
  provider: Type.Enum([...SECRET_PROVIDERS]),
  version: Type.Integer({ minimum: 1 }),
  path: Nullable(Type.String()),
  field: Nullable(Type.String()),
  updated_at: Timestamp(),
  updated_by: Type.String(),
  last_resolved_at: Nullable(Timestamp('Last time that a value was found.')),
  last_error: Nullable(Type.String({ description: 'Why the last try found none.' })),
});
export type SecretView = Static<typeof SecretView>;

export const SecretCheckBody = Type.Object({
  names: Type.Optional(
    Type.Array(Name, {
      minItems: 1,
      maxItems: MAX_CHECKED_SECRETS,
      description: `Default: the first ${MAX_CHECKED_SECRETS} by name.`,
    }),
  ),
});
export const SecretCheckReply = Type.Object({
  items: Type.Array(
    Type.Object({
      name: Type.String(),
      resolves: Type.Boolean(),
      code: Nullable(Type.String()),
      error: Nullable(Type.String()),
    }),
  ),
});
export type SecretCheckReply = Static<typeof SecretCheckReply>;

const Progress = {
  total: Type.Integer({ minimum: 0 }),
  left: Type.Integer({ minimum: 0, description: '0: the work is done.' }),
};
export const EncryptionView = Type.Object({
  keys: Type.Array(
    Type.Object({
      id: Uuid(),
      version: Type.Integer({ minimum: 1 }),
      state: Type.Enum([...KEY_STATES], {
        description:
          'active: seals and opens; retiring: its rows are sealed again; retired: no row needs it.',
      }),
      provider: Type.Enum([...KEY_PROVIDERS], { description: 'Whose master key wraps it.' }),
      rows: Type.Integer({ minimum: 0, description: 'Rows that it seals now.' }),
      created_at: Timestamp(),
      superseded_at: Nullable(Timestamp()),
      retired_at: Nullable(Timestamp()),
      destroyed_at: Nullable(Timestamp()),
    }),
    { description: 'Newest first, at most 50. Empty until something of the organisation is sealed.' },
  ),
  rotation: Nullable(
    Type.Object(Progress, { description: 'Rows to be sealed again; null: none under way.' }),
  ),
  secret_providers: Type.Array(Type.Enum([...SECRET_PROVIDERS]), {
    description: 'Set up in the installation.',
  }),
});
export type EncryptionView = Static<typeof EncryptionView>;

export const MasterKeyView = Type.Object({
  provider: Type.Enum([...KEY_PROVIDERS], { description: 'Wraps data keys from now on.' }),
  generation: Type.Integer({ minimum: 1 }),
  rotated_at: Nullable(Timestamp()),
  rotated_by: Nullable(Type.String()),
  rotation: Nullable(
    Type.Object(Progress, { description: 'Data keys to be wrapped again; null: none left.' }),
  ),
});
export type MasterKeyView = Static<typeof MasterKeyView>;

export const SECRET_ROUTES = {
  'secrets.list': {
    method: 'GET',
    path: '/api/v1/admin/organizations/:organization_id/secrets',
    auth: 'session',
    action: 'secret.read',
    tag: 'secrets',
    summary: 'Secrets by name, without their values',
    params: OrgId,
    query: Type.Object({ ...PageQuery }),
    status: 200,
    response: PageOf(SecretView),
  },
  'secrets.put': {
    method: 'PUT',
    path: '/api/v1/admin/organizations/:organization_id/secrets/:secret_name',
    auth: 'session',
    action: 'secret.write',
    tag: 'secrets',
    summary: 'Set a secret, or say where Vault or AWS has it',
    params: SecretParams,
    body: SecretBody,
    status: 200,
    response: SecretView,
  },
  'secrets.delete': {
    method: 'DELETE',
    path: '/api/v1/admin/organizations/:organization_id/secrets/:secret_name',
    auth: 'session',
    action: 'secret.write',
    tag: 'secrets',
    summary: 'Delete a secret with all of its versions',
    params: SecretParams,
    status: 204,
  },
  'secrets.check': {
    method: 'POST',
    path: '/api/v1/admin/organizations/:organization_id/secrets/check',
    auth: 'session',
    action: 'secret.write',
    tag: 'secrets',
    summary: 'Whether each secret has a value now',
    params: OrgId,
    body: SecretCheckBody,
    status: 200,
    response: SecretCheckReply,
  },
  'encryption.get': {
    method: 'GET',
    path: '/api/v1/admin/organizations/:organization_id/encryption',
    auth: 'session',
    action: 'encryption.read',
    tag: 'secrets',
    summary: 'Data keys of an organisation and the progress of their rotation',
    params: OrgId,
    status: 200,
    response: EncryptionView,
  },
  'encryption.rotate': {
    method: 'POST',
    path: '/api/v1/admin/organizations/:organization_id/encryption/rotate',
    auth: 'session',
    action: 'encryption.rotate',
    tag: 'secrets',
    summary: 'A new data key; everything is sealed again under it in the background',
    params: OrgId,
    status: 202,
    response: EncryptionView,
  },
  'encryption.master': {
    method: 'GET',
    path: '/api/v1/admin/encryption',
    auth: 'session',
    action: 'encryption.master',
    tag: 'secrets',
    summary: 'The master key of the installation and the progress of its rotation',
    status: 200,
    response: MasterKeyView,
  },
  'encryption.rotate_master': {
    method: 'POST',
    path: '/api/v1/admin/encryption/rotate-master',
    auth: 'session',
    action: 'encryption.master',
    tag: 'secrets',
    summary:
      'A new master key; every data key is wrapped again by it in the background, also from another provider',
    status: 202,
    response: MasterKeyView,
  },
} as const satisfies Record<string, Route>;
