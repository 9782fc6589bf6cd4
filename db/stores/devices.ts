/** The fleet: what the operators know and decide about each device. Presence has a store of its own. */
import { and, eq, type SQL, sql } from 'drizzle-orm';
import { deviceConfigurations, devicePresence, edgeDevices } from '../schema/devices.ts';
import { organizations } from '../schema/people.ts';
import type { Device, DeviceFilter, DeviceScope, DeviceStatus, DeviceStore } from './contracts/devices.ts';
import { inDeviceScope, inGroups } from './device-scope.ts';
import { type KeyPart, openPage } from './page.ts';
import { allOf, inScope, type Queries } from './queries.ts';

/** The column trails by up to 30 s, for it is indexed; what is shown is the newest beat. Null in both: never seen. */
const liveLastSeen = sql<Date | null>`(
  SELECT greatest(${devicePresence.lastHeartbeatAt}, ${edgeDevices.lastSeen}) FROM ${devicePresence}
  WHERE ${devicePresence.deviceId} = ${edgeDevices.id})`.mapWith(edgeDevices.lastSeen);

const deviceColumns = {
  id: edgeDevices.id,
  orgId: edgeDevices.organizationId,
  orgSlug: organizations.slug,
  isOrgSuspended: sql<boolean>`${organizations.suspendedAt} IS NOT NULL`,
  name: edgeDevices.name,
  type: edgeDevices.type,
  hardwareId: edgeDevices.hardwareId,
  intent: edgeDevices.intent,
  observation: edgeDevices.observation,
  status: sql<DeviceStatus>`${edgeDevices.status}`,
  lastSeen: liveLastSeen,
  firmwareVersion: edgeDevices.firmwareVersion,
  agentVersion: edgeDevices.agentVersion,
  ipAddress: edgeDevices.ipAddress,
  tags: edgeDevices.tags,
  metadata: edgeDevices.metadata,
  claimedFromOrgId: edgeDevices.claimedFromOrgId,
  createdAt: edgeDevices.createdAt,
  updatedAt: edgeDevices.updatedAt,
};

/** By the names that the API has for them; never null, so that the cursor can hold them. */
const SORT_KEYS: ReadonlyMap<string, KeyPart> = new Map<string, KeyPart>(
  Object.entries<KeyPart>({
    device_name: { key: edgeDevices.name, kind: 'text' },
    status: { key: edgeDevices.status, kind: 'text' },
    created_at: { key: edgeDevices.createdAt, kind: 'time' },
    last_seen: { key: sql`coalesce(${edgeDevices.lastSeen}, timestamptz 'epoch')`, kind: 'time' },
  }),
);
const DEFAULT_SORT = 'device_name';
/** What a scope is held against. */
const OWNER = { orgId: edgeDevices.organizationId, deviceId: edgeDevices.id };

export function createDeviceStore({ orm, rows, count, inTransaction }: Queries): DeviceStore {
  const select = () =>
    orm
      .select(deviceColumns)
      .from(edgeDevices)
      .innerJoin(organizations, eq(organizations.id, edgeDevices.organizationId))
      .$dynamic();

  async function find(scope: DeviceScope, deviceId: string): Promise<Device | null> {
    const [device] = await select().where(allOf(eq(edgeDevices.id, deviceId), inDeviceScope(OWNER, scope)));
    return device ?? null;
  }

  return {
    async create(orgId, input) {
      // Two statements: row-level security lets in the presence of a device that is there already.
      const made = await inTransaction(async (queries) => {
        const [row] = await queries.rows<{ id: string }>(
          `INSERT INTO edge_devices
             (organization_id, device_name, device_type, device_id, firmware_version, ip_address, tags, metadata,
              claimed_from_organization_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
          [
            ...[orgId, input.name, input.type, input.hardwareId],
            ...[input.firmwareVersion ?? null, input.ipAddress ?? null, input.tags ?? []],
            ...[input.metadata ?? {}, input.claimedFromOrgId ?? null],
          ],
        );
        if (row !== undefined)
          await queries.count('INSERT INTO device_presence (device_id) VALUES ($1)', [row.id]);
        return row;
      });
      const device = made === undefined ? null : await find(orgId, made.id);
      if (device === null) throw new Error('the new device was not returned');
      return device;
    },

    find,

    async findByHardwareId(hardwareId) {
      const [device] = await select()
        .where(eq(edgeDevices.hardwareId, hardwareId))
        .for('update', { of: edgeDevices });
      return device ?? null;
    },

    async isNameTaken(orgId, name) {
      const [taken] = await rows('SELECT FROM edge_devices WHERE organization_id = $1 AND device_name = $2', [
        orgId,
        name,
      ]);
      return taken !== undefined;
    },

    choose: (orgId, { ids, type, tag, groupIds }, limit) =>
      orm
        .select({ id: edgeDevices.id, name: edgeDevices.name })
        .from(edgeDevices)
        .where(
          and(
            eq(edgeDevices.organizationId, orgId),
            ids === undefined ? undefined : inScope(edgeDevices.id, ids),
            type === undefined ? undefined : sql`${edgeDevices.type} = ${type}`,
            tag === undefined ? undefined : sql`${tag} = ANY (${edgeDevices.tags})`,
            groupIds === undefined ? undefined : sql`${edgeDevices.id} IN (${inGroups(groupIds)})`,
          ),
        )
        .orderBy(edgeDevices.name, edgeDevices.id)
        .limit(limit),

    async list(scope, filter, request) {
      const sort = filter.sort ?? DEFAULT_SORT;
      const key = SORT_KEYS.get(sort.replace(/^-/, ''));
      if (key === undefined) throw new Error(`unknown sort: ${sort}`);
      const page = openPage(
        {
          parts: [key, { key: edgeDevices.id, kind: 'uuid' }],
          descending: sort.startsWith('-'),
          boundTo: ['devices', scope, sort, filter.status, filter.type, filter.search, filter.groupId],
        },
        request,
      );
      const matches = matching(scope, filter);
      const found = await orm
        .select({ ...deviceColumns, cursorKeys: page.cursorKeys })
        .from(edgeDevices)
        .innerJoin(organizations, eq(organizations.id, edgeDevices.organizationId))
        .where(allOf(matches, page.after))
        .orderBy(...page.orderBy)
        .limit(page.limit)
        .offset(page.offset);
      const total = await orm.$count(edgeDevices, matches);
      return page.close(found, total, ({ cursorKeys: _, ...device }) => device);
    },

    async summary(scope) {
      const groups = await orm
        .select({ status: deviceColumns.status, type: edgeDevices.type, count: sql<number>`count(*)::int` })
        .from(edgeDevices)
        .where(inDeviceScope(OWNER, scope))
        .groupBy(edgeDevices.status, edgeDevices.type);
      const byStatus: Record<string, number> = {};
      const byType: Record<string, number> = {};
      for (const group of groups) {
        byStatus[group.status] = (byStatus[group.status] ?? 0) + group.count;
        byType[group.type] = (byType[group.type] ?? 0) + group.count;
      }
      return { total: groups.reduce((sum, group) => sum + group.count, 0), byStatus, byType };
    },

    async update(orgId, deviceId, { tags, ...changes }) {
      const result = await orm
        .update(edgeDevices)
        .set({ ...changes, ...(tags === undefined ? {} : { tags: [...tags] }), updatedAt: sql`now()` })
        .where(and(eq(edgeDevices.organizationId, orgId), eq(edgeDevices.id, deviceId)));
      return result.rowCount === 1 ? await find(orgId, deviceId) : null;
    },

    async delete(orgId, deviceId) {
      const gone = await count(
        `WITH gone AS (
           DELETE FROM edge_devices WHERE organization_id = $1 AND id = $2
           RETURNING id, organization_id, device_name, device_id, created_at, last_seen
         )
         INSERT INTO deleted_devices (id, organization_id, device_name, device_id, created_at, last_seen)
         SELECT id, organization_id, device_name, device_id, created_at, last_seen FROM gone`,
        [orgId, deviceId],
      );
      return gone === 1;
    },

    async activeConfig(orgId, deviceId) {
      const [config] = await orm
        .select({
          version: deviceConfigurations.configVersion,
          data: deviceConfigurations.configData,
          sha256: deviceConfigurations.sha256,
          appliedAt: deviceConfigurations.appliedAt,
        })
        .from(deviceConfigurations)
        .innerJoin(edgeDevices, eq(edgeDevices.id, deviceConfigurations.deviceId))
        .where(
          and(
            eq(edgeDevices.organizationId, orgId),
            eq(edgeDevices.id, deviceId),
            eq(deviceConfigurations.isActive, true),
          ),
        );
      return config ?? null;
    },
  };
}

function matching(scope: DeviceScope, { status, type, search, groupId }: DeviceFilter): SQL {
  return allOf(
    inDeviceScope(OWNER, scope),
    status === undefined ? undefined : sql`${edgeDevices.status} = ${status}`,
    type === undefined ? undefined : sql`${edgeDevices.type} = ${type}`,
    search === undefined || search === '' ? undefined : containing(search),
    groupId === undefined ? undefined : sql`${edgeDevices.id} IN (${inGroups([groupId])})`,
  );
}

/** In name, hardware id, firmware or a tag, without case; `%` and `_` stand for themselves. */
function containing(search: string): SQL {
  const pattern = `%${search.replace(/[\\%_]/g, '\\$&')}%`;
  // Tags joined by line feeds, which neither they nor a search hold, are searched twice as fast as one by one.
  return sql`(${edgeDevices.name} ILIKE ${pattern} OR ${edgeDevices.hardwareId} ILIKE ${pattern}
    OR ${edgeDevices.firmwareVersion} ILIKE ${pattern}
    OR array_to_string(${edgeDevices.tags}, E'\\n') ILIKE ${pattern})`;
}
