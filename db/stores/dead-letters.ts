/** What could not be stored, cut to size: written by ingest, shown in the console. */
import { and, eq, or, type SQL, sql } from 'drizzle-orm';
import { edgeDevices } from '../schema/devices.ts';
import { organizations } from '../schema/people.ts';
import { deadLetters } from '../schema/time-series.ts';
import type { TelemetryStore } from './contracts/telemetry.ts';
import { openPage } from './page.ts';
import { allOf, inScope, isoOf, type Queries } from './queries.ts';

/** The table's own limit on the bytes of a dead letter. */
const MAX_SAMPLE_BYTES = 2048;

export function createDeadLetters({
  orm,
  count,
}: Queries): Pick<TelemetryStore, 'deadLetter' | 'listDeadLetters'> {
  return {
    async deadLetter(letters) {
      if (letters.length === 0) return;
      await count(
        `INSERT INTO dead_letters (org_slug, device, channel, topic, reason, sample, received_at)
         SELECT left(org, 100), left(device, 100), left(channel, 100), left(topic, 300), left(reason, 500),
                decode(sample, 'hex'), received_at
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
           AS letter (org, device, channel, topic, reason, sample, received_at)`,
        [
          letters.map(({ orgSlug }) => storable(orgSlug)),
          letters.map(({ device }) => storable(device)),
          letters.map(({ channel }) => storable(channel)),
          letters.map(({ topic }) => storable(topic)),
          letters.map(({ reason }) => storable(reason)),
          letters.map(({ sample }) => Buffer.from(sample.subarray(0, MAX_SAMPLE_BYTES)).toString('hex')),
          letters.map(({ receivedAt }) => isoOf(receivedAt)),
        ],
      );
    },

    async listDeadLetters(scope, { device, reason }, request) {
      const page = openPage(
        {
          parts: [{ key: deadLetters.id, kind: 'number' }],
          descending: true,
          boundTo: ['dead_letters', scope, device, reason],
        },
        request,
      );
      const matches = allOf(
        scope !== null && 'groupIds' in scope
          ? or(inScope(deadLetters.orgSlug, scope.orgSlugs), isOfGroups(scope.groupIds))
          : inScope(deadLetters.orgSlug, scope),
        device === undefined ? undefined : eq(deadLetters.device, device),
        reason === undefined ? undefined : sql`strpos(lower(${deadLetters.reason}), lower(${reason})) > 0`,
      );
      // A letter names its device by what the topic said, which need not be one, nor one of that organisation.
      const found = await orm
        .select({
          id: deadLetters.id,
          receivedAt: deadLetters.receivedAt,
          orgSlug: deadLetters.orgSlug,
          device: deadLetters.device,
          channel: deadLetters.channel,
          topic: deadLetters.topic,
          reason: deadLetters.reason,
          sample: deadLetters.sample,
          deviceName: edgeDevices.name,
          cursorKeys: page.cursorKeys,
        })
        .from(deadLetters)
        .leftJoin(organizations, eq(organizations.slug, deadLetters.orgSlug))
        .leftJoin(
          edgeDevices,
          and(
            sql`${edgeDevices.id}::text = ${deadLetters.device}`,
            eq(edgeDevices.organizationId, organizations.id),
          ),
        )
        .where(allOf(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(deadLetters, matches);
      return page.close(found, total, ({ cursorKeys: _, ...letter }) => letter);
    },
  };
}

/** Named by its topic as a device of one of the groups, under the organisation of that device. */
const isOfGroups = (groupIds: readonly string[]): SQL => sql`EXISTS (
  SELECT FROM device_group_members m JOIN organizations o ON o.id = m.organization_id
  WHERE m.group_id = ANY (${sql.param([...groupIds])}::uuid[]) AND m.device_id::text = dead_letters.device
    AND o.slug = dead_letters.org_slug)`;

/** PostgreSQL has no U+0000 in text, and dead letters are what was malformed. */
const storable = (text: string | null): string | null =>
  text?.replaceAll('\0', '\uFFFD').toWellFormed() ?? null;
