/** The board of certificates, and the change of the installation's own authority. */
import { type Authority, newGenerationId } from '#certs';
import type { BoardEntry, BoardFilter, Database, InstallationAuthority, Stores } from '#db';
import type { AuthorityView, BodyOf, CertificateEntry } from '#web-api';
import { toListed, toPageRequest } from '../access/list-page.ts';
import { knownDevices, listScope, permit, permitGlobally, permitWithinGroups } from '../access/permit.ts';
import { decide, isLimited } from '../access/policy.ts';
import { type AuditDraft, audited, byPerson } from '../audit/audited.ts';
import type { CertificateUseCases } from '../certificate-use-cases.ts';
import { AppError } from '../errors.ts';
import { announceChanged, announceRevoked } from '../fleet/announce.ts';
import type { Logger } from '../log.ts';
import type { Person } from '../use-cases.ts';
import { boardEntryView } from './certificate-entry.ts';
import { adopt } from './change.ts';
import { generationRow } from './generation-row.ts';
import { matchesOwn, ownCertificates } from './own-certificates.ts';
import { rootMarkOf } from './plan.ts';

const DEFAULT_ACTIVATE_SECONDS = 60;
const DEFAULT_SERVE_SECONDS = 14 * 86_400;
/** Revoked by one request; what is left makes the next one answer 'authority.in_use' again. */
const MAX_FORCED = 20_000;
const FORCED_REASON = 'authority retired by force';

export interface CertificateDeps {
  readonly database: Database;
  readonly authority: Authority;
  readonly log: Logger;
  readonly now: () => Date;
}

export function createCertificateUseCases(deps: CertificateDeps): CertificateUseCases {
  const { database, authority, now } = deps;

  return {
    async list(person, query) {
      const scope = await listScope(database.organizations, person, 'certificate.read', query.org_id);
      const expiresBefore = query.expires_before === undefined ? undefined : new Date(query.expires_before);
      const { state, search, kind } = query;
      if (kind === undefined || kind === 'device' || kind === 'integrator') {
        const filter: BoardFilter = { state, kind, expiresBefore, search };
        const page = await database.certificateBoard.list(scope, filter, now(), toPageRequest(query));
        return toListed(page, boardEntryView);
      }
      const own = mayReadOwn(person) ? await ownCertificates(authority, now()) : [];
      const items = own.filter((entry) => matchesOwn(entry, { state, kind, expiresBefore, search }));
      return { items, total: items.length, next_cursor: null };
    },

    async summary(person, query) {
      const scope = await listScope(database.organizations, person, 'certificate.read', query.org_id);
      const counts = await database.certificateBoard.counts(scope, now());
      return {
        expired: counts.expired,
        within_day: counts.withinDay,
        within_week: counts.withinWeek,
        within_month: counts.withinMonth,
        later: counts.later,
        revoked: counts.revoked,
        installation: mayReadOwn(person) ? await installationOf(authority, now()) : null,
      };
    },

    async revoke(person, serial, body) {
      const draft = byPerson(person, 'certificate.revoke', `certificate:${serial}`);
      await audited(deps, draft, async (stores, entry) => {
        const at = now();
        const found = await permittedCertificate(stores, person, serial, at, entry);
        entry.detail = { reason: body.reason, subject: found.subject };
        if (!(await stores.certificateBoard.revoke(found.orgId, serial, body.reason, at))) {
          throw new AppError('certificate.revoked');
        }
        await announceRevoked(stores, [serial]);
        const device =
          found.deviceId === null ? null : await stores.devices.find(found.orgId, found.deviceId);
        if (device !== null) await announceChanged(stores, device, at);
      });
    },

    async listAuthorities(person) {
      permitGlobally(person, 'authority.rollover');
      await adopt(deps);
      const rows = await database.authorities.all();
      return { items: await Promise.all(rows.map((row) => authorityView(database, row, now()))) };
    },

    async rollover(person, body) {
      const draft = byPerson(person, 'authority.rollover', 'authority:next');
      return audited(deps, draft, async (stores, entry) => {
        permitGlobally(person, 'authority.rollover');
        await adopt(deps);
        const rows = await stores.authorities.lock();
        if (isChanging(rows)) throw new AppError('authority.changing');
        const row = await prepareNext(authority, person, body, now());
        entry.object = `authority:${row.id}`;
        entry.detail = { new_root: body.new_root ?? false, subject: row.subject };
        await stores.authorities.add(row);
        return authorityView(stores, { ...row, createdAt: now(), retiredAt: null }, now());
      });
    },

    async retire(person, authorityId, body) {
      const draft = byPerson(person, 'authority.retire', `authority:${authorityId}`);
      return audited(deps, draft, async (stores, entry) => {
        permitGlobally(person, 'authority.rollover');
        const rows = await stores.authorities.lock();
        const row = rows.find(({ id }) => id === authorityId);
        if (row === undefined) throw new AppError('authority.not_found');
        if (body.authority_id !== authorityId) throw new AppError('authority.confirmation');
        return authorityView(stores, await retire(stores, row, body.force ?? false, entry, now()), now());
      });
    },
  };
}

/**
 * Where a role is limited to groups, the certificates of their devices are within it as the devices are.
 * @throws AppError 'certificate.not_found', 'auth.forbidden'
 */
async function permittedCertificate(
  stores: Stores,
  person: Person,
  serial: string,
  at: Date,
  entry: AuditDraft,
): Promise<BoardEntry> {
  const found = await stores.certificateBoard.find(serial, at);
  const action = found?.kind === 'integrator' ? 'integrator.write' : 'device.revoke';
  if (found?.kind === 'device' && found.deviceId !== null && isLimited(person, found.orgId)) {
    const device = await stores.devices.find(knownDevices(person), found.deviceId);
    permitWithinGroups(person, action, device?.orgId, 'certificate.not_found', entry);
  } else {
    permit(person, action, found?.orgId, 'certificate.not_found', entry);
  }
  if (found === null) throw new AppError('certificate.not_found');
  return found;
}

const mayReadOwn = (person: Person): boolean => decide(person, 'authority.read', null) === 'allow';

async function installationOf(
  authority: Authority,
  now: Date,
): Promise<{
  certificates: CertificateEntry[];
  revocation_lists: { authority_id: string; this_update: string; next_update: string; is_worn: boolean }[];
}> {
  const lists = await authority.publishedLists();
  return {
    certificates: await ownCertificates(authority, now),
    revocation_lists: lists.map(({ authorityId, thisUpdate, nextUpdate, isWorn }) => ({
      authority_id: authorityId,
      this_update: thisUpdate.toISOString(),
      next_update: nextUpdate.toISOString(),
      is_worn: isWorn,
    })),
  };
}

/** From the first step until our servers stand under the new one; certificates of the old one may go on for months. */
const isChanging = (rows: readonly InstallationAuthority[]): boolean =>
  rows.some(({ state, serves }) => state === 'next' || (state === 'active' && !serves));

/** Keys first: a process that dies before the row is written leaves a folder that nobody reads. */
async function prepareNext(
  authority: Authority,
  person: Person,
  body: BodyOf<'authorities.rollover'>,
  at: Date,
): Promise<Omit<InstallationAuthority, 'createdAt' | 'retiredAt'>> {
  const after = (seconds: number): Date => new Date(at.getTime() + seconds * 1000);
  const activateSeconds = body.activate_after_seconds ?? DEFAULT_ACTIVATE_SECONDS;
  const serveSeconds = body.serve_after_seconds ?? DEFAULT_SERVE_SECONDS;
  const prepared = await authority.prepare(newGenerationId(), { newRoot: body.new_root ?? false });
  return generationRow(prepared, {
    state: 'next',
    serves: false,
    activateAt: after(activateSeconds),
    serveAt: after(Math.max(serveSeconds, activateSeconds)),
    createdBy: person.email,
    activatedAt: null,
  });
}

async function retire(
  stores: Stores,
  row: InstallationAuthority,
  isForced: boolean,
  entry: { detail: Record<string, unknown> },
  at: Date,
): Promise<InstallationAuthority> {
  if (row.state === 'retired') return row;
  if (row.state !== 'retiring' || row.serves) {
    throw new AppError('authority.in_use', { detail: 'Another authority must sign and serve first' });
  }
  const { certificates } = await stores.authorities.dependants(
    row.id,
    rootMarkOf(row.rootFingerprintSha256),
    at,
  );
  if (certificates > 0 && (!isForced || certificates > MAX_FORCED)) {
    throw new AppError('authority.in_use', { detail: `${certificates} certificates depend on it` });
  }
  const serials = await stores.authorities.revokeIssued(row.id, FORCED_REASON, at, MAX_FORCED);
  await announceRevoked(stores, serials);
  entry.detail = { forced: isForced, revoked: serials.length };
  await stores.authorities.change(row.id, { state: 'retired', retiredAt: at });
  return { ...row, state: 'retired', retiredAt: at };
}

async function authorityView(
  { authorities }: Pick<Stores, 'authorities'>,
  row: InstallationAuthority,
  now: Date,
): Promise<AuthorityView> {
  const { certificates, connected, informed } = await authorities.dependants(
    row.id,
    rootMarkOf(row.rootFingerprintSha256),
    now,
  );
  const { createdAt, activatedAt, servedAt, retiredAt } = row;
  return {
    id: row.id,
    state: row.state,
    subject: row.subject,
    fingerprint_sha256: row.fingerprintSha256,
    root_fingerprint_sha256: row.rootFingerprintSha256,
    not_before: row.notBefore.toISOString(),
    not_after: row.notAfter.toISOString(),
    root_not_after: row.rootNotAfter.toISOString(),
    serves: row.serves,
    activate_at: row.activateAt.toISOString(),
    serve_at: row.serveAt.toISOString(),
    created_at: createdAt.toISOString(),
    created_by: row.createdBy,
    activated_at: activatedAt?.toISOString() ?? null,
    served_at: servedAt?.toISOString() ?? null,
    retired_at: retiredAt?.toISOString() ?? null,
    certificates,
    connected_devices: connected,
    informed_devices: informed,
  };
}
