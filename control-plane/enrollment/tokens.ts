/** Registration tokens: list, create, show, revoke. */
import type { Database, Stores } from '#db';
import type { BodyOf } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { listScope, permit } from '../access/permit.ts';
import type { RandomBytes } from '../access/secrets.ts';
import { networkOf } from '../access/standing.ts';
import { audited, byPerson } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { EnrollmentUseCases } from '../use-cases.ts';
import { installCommand, makeTokenSecret } from './token-secret.ts';
import { tokenView } from './token-view.ts';

const DEFAULT_NAME = 'Registration token';
const DEFAULT_EXPIRES_IN_SECONDS = 3600;

interface TokenDeps {
  readonly database: Database;
  readonly addresses: { readonly publicUrl: string; readonly serverPin: string };
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

type TokenUseCases = Pick<EnrollmentUseCases, 'listTokens' | 'createToken' | 'getToken' | 'revokeToken'>;

export function createTokens(deps: TokenDeps): TokenUseCases {
  const { database, addresses, now, random } = deps;
  return {
    async listTokens(person, query) {
      const scope = await listScope(database.organizations, person, 'token.read', query.org_id);
      return toListed(await database.tokens.list(scope, toPageRequest(query)), (token) =>
        tokenView(token, now()),
      );
    },

    async createToken(person, body) {
      const orgId = body.organization_id;
      const draft = byPerson(person, 'token.create', `organization:${orgId}`);
      return audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(orgId);
        permit(person, 'token.write', organization?.id, 'organization.not_found', entry);
        const secret = makeTokenSecret(random);
        const expiresInMs = (body.expires_in_seconds ?? DEFAULT_EXPIRES_IN_SECONDS) * 1000;
        const token = await stores.tokens.create(orgId, {
          prefix: secret.prefix,
          tokenHash: secret.tokenHash,
          name: body.name ?? DEFAULT_NAME,
          tags: body.tags ?? [],
          expiresAt: new Date(now().getTime() + expiresInMs),
          createdBy: person.email,
          requiresApproval: body.requires_approval ?? false,
          allowedNetworks: networksOf(body.allowed_networks ?? []),
          groupIds: await groupsOf(stores, orgId, body.group_ids ?? []),
          ...(await grantOf(stores, body)),
        });
        const view = tokenView(token, now());
        entry.object = `token:${token.id}`;
        const { id: _id, organization_id: _organization, last_device: _last, uses: _uses, ...shown } = view;
        entry.detail = shown;
        return { ...view, token: secret.token, install_command: installCommand(addresses, secret.token) };
      });
    },

    async getToken(person, tokenId) {
      const token = await database.tokens.find(null, tokenId);
      permit(person, 'token.read', token?.orgId, 'token.not_found');
      if (token === null) throw new AppError('token.not_found');
      return tokenView(token, now());
    },

    async revokeToken(person, tokenId) {
      await audited(deps, byPerson(person, 'token.revoke', `token:${tokenId}`), async (stores, entry) => {
        const token = await stores.tokens.find(null, tokenId);
        permit(person, 'token.write', token?.orgId, 'token.not_found', entry);
        if (token === null) throw new AppError('token.not_found');
        // A token that is revoked already stays as it is: asking twice is no error.
        if (token.revokedAt === null) await stores.tokens.revoke(token.orgId, tokenId, now());
        entry.detail = { prefix: token.prefix, uses: token.uses };
      });
    },
  };
}

/** What the token allows. A replacement is for one device, hence one use, and for hardware of its type. */
async function grantOf(
  stores: Pick<Stores, 'devices'>,
  body: BodyOf<'tokens.create'>,
): Promise<Pick<Parameters<Stores['tokens']['create']>[1], 'deviceType' | 'maxUses' | 'replacesDeviceId'>> {
  const deviceType = body.device_type ?? null;
  const maxUses = body.max_uses ?? 1;
  if (body.replaces_device_id === undefined) return { deviceType, maxUses, replacesDeviceId: null };
  const device = await stores.devices.find(body.organization_id, body.replaces_device_id);
  if (device === null) throw new AppError('device.not_found');
  if (maxUses !== 1 || (deviceType !== null && deviceType !== device.type)) {
    throw new AppError('token.replacement_invalid');
  }
  return { deviceType: device.type, maxUses, replacesDeviceId: device.id };
}

/** As PostgreSQL spells them. @throws AppError 'request.invalid' naming the one that is none */
function networksOf(texts: readonly string[]): string[] {
  return texts.map((text, index) => {
    const network = networkOf(text);
    if (network !== null) return network;
    throw new AppError('request.invalid', {
      errors: [{ path: `allowed_networks.${index}`, message: 'must be a network like 192.0.2.0/24' }],
    });
  });
}

/** @throws AppError 'group.not_found' */
async function groupsOf(
  stores: Pick<Stores, 'groups'>,
  orgId: string,
  groupIds: readonly string[],
): Promise<string[]> {
  const known = groupIds.length === 0 ? [] : await stores.groups.known(orgId, groupIds);
  if (known.length !== groupIds.length) throw new AppError('group.not_found');
  return [...known];
}
