/** What the fixture says of secrets and keys. */
import type { EncryptionView, MasterKeyView, RouteName, SecretView } from '#web-api';
import * as data from './console-data.ts';

interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}
type Answer = { readonly status: number; readonly body?: unknown };

const ok = (body: unknown, status = 200): Answer => ({ status, body });

export function secretAnswers(nowMs: number): Partial<Record<RouteName, (call: Call) => Answer>> {
  const at = (hours: number): string => data.iso(nowMs - hours * 3_600_000);
  const secret = (name: string, over: Partial<SecretView> = {}): SecretView => ({
    ...{ name, provider: 'builtin', version: 1, path: null, field: null },
    ...{ updated_at: at(30), updated_by: 'ada@acme.example', last_resolved_at: at(1), last_error: null },
    ...over,
  });
  let secrets = [
    secret('DB_PASSWORD', { version: 3 }),
    secret('REGISTRY_TOKEN', { provider: 'vault', path: 'registry/pull', field: 'token' }),
    secret('SMTP_PASSWORD', {
      ...{ provider: 'aws', path: 'smtp', last_resolved_at: null },
      last_error: 'The provider does not answer',
    }),
  ];
  const key = (version: number, state: EncryptionView['keys'][number]['state'], rows: number) => ({
    ...{
      id: data.uuidOf(9, version),
      version,
      state,
      provider: 'local' as const,
      rows,
      created_at: at(900 - version),
    },
    ...{ superseded_at: state === 'active' ? null : at(2), retired_at: null, destroyed_at: null },
  });
  const providers: EncryptionView['secret_providers'] = ['builtin', 'vault', 'aws'];
  let encryption: EncryptionView = {
    keys: [key(1, 'active', 412)],
    rotation: null,
    secret_providers: providers,
  };
  let master: MasterKeyView = {
    ...{ provider: 'local', generation: 1, rotated_at: null, rotated_by: null, rotation: null },
  };
  return {
    'secrets.list': () => ok({ items: secrets, total: secrets.length, next_cursor: null }),
    'secrets.put': ({ params, body }) => {
      const name = params.secret_name ?? '';
      const { value: _never, ...shown } = body;
      const put = secret(name, {
        ...shown,
        updated_at: at(0),
        last_resolved_at: null,
      } as Partial<SecretView>);
      secrets = [...secrets.filter((one) => one.name !== name), put];
      return ok(put);
    },
    'secrets.delete': ({ params }) => {
      secrets = secrets.filter(({ name }) => name !== params.secret_name);
      return { status: 204 };
    },
    'secrets.check': () =>
      ok({
        items: secrets.map(({ name, last_error: error }) => ({
          ...{ name, resolves: error === null, code: error === null ? null : 'unavailable', error },
        })),
      }),
    'encryption.get': () => ok(encryption),
    'encryption.rotate': () => {
      const keys = [key(2, 'active', 12), key(1, 'retiring', 400)];
      encryption = { keys, rotation: { total: 412, left: 400 }, secret_providers: providers };
      return ok(encryption, 202);
    },
    'encryption.master': () => ok(master),
    'encryption.rotate_master': () => {
      master = {
        ...master,
        generation: 2,
        rotated_at: at(0),
        rotated_by: 'root@example.org',
        rotation: { total: 9, left: 4 },
      };
      return ok(master, 202);
    },
  };
}
