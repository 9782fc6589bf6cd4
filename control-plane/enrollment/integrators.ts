/** MQTT clients of an organisation that are no devices: their certificates. */
import { type Authority, makePkcs12 } from '#certs';
import { commonNameOf, orgFilter } from '#contract';
import type { Certificate, Database, Integrator } from '#db';
import type { CreateIntegratorReply, IntegratorView } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { listScope, permit } from '../access/permit.ts';
import { type RandomBytes, randomBase62 } from '../access/secrets.ts';
import { audited, byPerson } from '../audit/audited.ts';
import { AppError } from '../errors.ts';
import { announceRevoked } from '../fleet/announce.ts';
import { certificateView } from '../fleet/device-view.ts';
import type { Logger } from '../log.ts';
import type { EnrollmentUseCases } from '../use-cases.ts';
import { certificateRow, issueFor, type NewCertificate } from './certificates.ts';

const DEFAULT_VALID_DAYS = 365;
/** 142 bits: the file may travel by mail, the password by another way. */
const PKCS12_PASSWORD_CHARS = 24;

interface IntegratorDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly addresses: { readonly mqttUrl: string };
  readonly log: Logger;
  readonly now: () => Date;
  readonly random: RandomBytes;
}

type IntegratorUseCases = Pick<
  EnrollmentUseCases,
  'listIntegrators' | 'createIntegrator' | 'deleteIntegrator'
>;

export function createIntegrators(deps: IntegratorDeps): IntegratorUseCases {
  const { database, authority, now } = deps;
  return {
    async listIntegrators(person, query) {
      const scope = await listScope(database.organizations, person, 'integrator.read', query.org_id);
      const page = await database.integrators.list(scope, toPageRequest(query));
      const certificates = await Promise.all(
        page.items.map(({ orgId, id }) => database.certificates.ofIntegrator(orgId, id)),
      );
      const views = page.items.map((item, index) => integratorView(item, certificates[index] ?? [], now()));
      return toListed({ ...page, items: views }, (view) => view);
    },

    async createIntegrator(person, body) {
      const draft = byPerson(person, 'integrator.create', `organization:${body.organization_id}`);
      const made = await audited(deps, draft, async (stores, entry) => {
        const organization = await stores.organizations.find(body.organization_id);
        permit(person, 'integrator.write', organization?.id, 'organization.not_found', entry);
        const integrator = await stores.integrators.create(body.organization_id, body.name);
        const holder = { kind: 'integration', org: integrator.orgSlug, name: integrator.name } as const;
        const certificate = issueFor(authority, holder, body.csr, body.valid_days ?? DEFAULT_VALID_DAYS);
        const { id: integratorId, orgId } = integrator;
        // Active at once: `pending` waits for a heartbeat, which an integrator never sends.
        await stores.certificates.add(
          certificateRow(certificate, { orgId, deviceId: null, integratorId }, 'active'),
        );
        entry.object = `integrator:${integratorId}`;
        entry.detail = {
          name: integrator.name,
          serial: certificate.serial,
          not_after: certificate.notAfter.toISOString(),
        };
        const stored = await stores.certificates.ofIntegrator(orgId, integratorId);
        return { integrator, certificate, stored };
      });
      return createdReply(deps, made);
    },

    async deleteIntegrator(person, integratorId) {
      const draft = byPerson(person, 'integrator.delete', `integrator:${integratorId}`);
      await audited(deps, draft, async (stores, entry) => {
        const integrator = await stores.integrators.find(null, integratorId);
        permit(person, 'integrator.write', integrator?.orgId, 'integrator.not_found', entry);
        if (integrator === null) throw new AppError('integrator.not_found');
        const { orgId, name } = integrator;
        const serials = await stores.certificates.revokeOfIntegrator(
          orgId,
          integratorId,
          'integrator deleted',
          now(),
        );
        await stores.integrators.delete(orgId, integratorId);
        await announceRevoked(stores, serials);
        entry.detail = { name, revoked: serials };
      });
    },
  };
}

/** The key leaves with this reply and is kept nowhere. */
function createdReply(
  { authority, addresses, now, random }: IntegratorDeps,
  made: { integrator: Integrator; certificate: NewCertificate; stored: readonly Certificate[] },
): CreateIntegratorReply {
  const { integrator, certificate } = made;
  const reply: CreateIntegratorReply = {
    ...integratorView(integrator, made.stored, now()),
    certificate_chain: certificate.chainPem,
    ca_certificate: authority.rootPem,
    mqtt_url: addresses.mqttUrl,
    topic_filter: orgFilter(integrator.orgSlug),
  };
  const { privateKeyPem } = certificate;
  if (privateKeyPem === undefined) return reply;
  const password = randomBase62(random, PKCS12_PASSWORD_CHARS);
  const bundle = makePkcs12({
    privateKeyPem,
    chainPem: certificate.chainPem,
    rootPem: authority.rootPem,
    password,
    name: `${integrator.orgSlug} ${integrator.name}`,
  });
  return {
    ...reply,
    private_key: privateKeyPem,
    pkcs12_base64: bundle.toString('base64'),
    pkcs12_password: password,
  };
}

const integratorView = (
  integrator: Integrator,
  certificates: readonly Certificate[],
  now: Date,
): IntegratorView => ({
  id: integrator.id,
  organization_id: integrator.orgId,
  name: integrator.name,
  client_id: commonNameOf({ kind: 'integration', org: integrator.orgSlug, name: integrator.name }),
  created_at: integrator.createdAt.toISOString(),
  certificates: certificates.map((certificate) => certificateView(certificate, now)),
});
