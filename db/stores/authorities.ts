/** Generations of the installation's certificate authority. */
import { asc, eq } from 'drizzle-orm';
import { installationAuthorities } from '../schema/authorities.ts';
import type { AuthorityDependants, AuthorityStore, InstallationAuthority } from './contracts/authorities.ts';
import type { Queries } from './queries.ts';

/** Certificates without a signer's name are of the first one. */
const SIGNED_BY = `coalesce(c.authority_id, 'ca') = $1`;
const IN_ORDER = [asc(installationAuthorities.createdAt), asc(installationAuthorities.id)];

export function createAuthorityStore({ orm, rows }: Queries): AuthorityStore {
  const select = () =>
    orm
      .select()
      .from(installationAuthorities)
      .orderBy(...IN_ORDER);
  return {
    all: (): Promise<InstallationAuthority[]> => select(),
    lock: (): Promise<InstallationAuthority[]> => select().for('update'),

    async add(authority) {
      const result = await orm
        .insert(installationAuthorities)
        .values(authority)
        .onConflictDoNothing({ target: installationAuthorities.id });
      return result.rowCount === 1;
    },

    async change(id, changes) {
      await orm.update(installationAuthorities).set(changes).where(eq(installationAuthorities.id, id));
    },

    async dependants(id, rootMark, now) {
      const [found] = await rows<{ certificates: string; connected: string; informed: string }>(
        `SELECT
           (SELECT count(*) FROM device_certificates c
            WHERE ${SIGNED_BY} AND c.state <> 'revoked' AND c.not_after > $3) AS certificates,
           count(*) FILTER (WHERE p.connected) AS connected,
           count(*) FILTER (WHERE p.connected AND $2 = ANY (string_to_array(p.facts ->> 'trusted_roots', ' '))) AS informed
         FROM device_presence p`,
        [id, rootMark, now],
      );
      return countsOf(found);
    },

    async revokeIssued(id, reason, at, limit) {
      const revoked = await rows<{ serial: string }>(
        `UPDATE device_certificates SET state = 'revoked', revoked_at = $2, revocation_reason = $3
         WHERE serial IN (
           SELECT c.serial FROM device_certificates c
           WHERE ${SIGNED_BY} AND c.state <> 'revoked' AND c.not_after > $2 ORDER BY c.serial LIMIT $4 FOR UPDATE)
         RETURNING serial`,
        [id, at, reason, limit],
      );
      return revoked.map(({ serial }) => serial);
    },
  };
}

const countsOf = (
  found: { certificates: string; connected: string; informed: string } | undefined,
): AuthorityDependants => ({
  certificates: Number(found?.certificates ?? 0),
  connected: Number(found?.connected ?? 0),
  informed: Number(found?.informed ?? 0),
});
