/** Thousands of devices in one statement, with statuses, firmware and tags as a grown fleet has them. */
import type pg from 'pg';

export async function insertDevices(client: pg.Client, organizationId: string, count: number): Promise<void> {
  await client.query(
    `INSERT INTO edge_devices
       (organization_id, device_name, device_type, device_id, observation, last_seen, firmware_version, agent_version, tags)
     SELECT $1,
            (ARRAY['berlin', 'hamburg', 'lyon', 'porto', 'oslo'])[1 + i % 5] || '-store-' || lpad(i::text, 5, '0'),
            (ARRAY['uc1-pro', 'gateway', 'custom'])[1 + i % 3],
            md5(i::text),
            (ARRAY['online', 'online', 'online', 'online', 'degraded', 'offline'])[1 + i % 6],
            now() - i % 60 * interval '1 second',
            (ARRAY['2.1.0', '2.0.4'])[1 + i % 2],
            '0.1.0',
            ARRAY['site:' || i % 40]
       FROM generate_series(1, $2::int) AS i`,
    [organizationId, count],
  );
  await client.query(
    `INSERT INTO device_presence (device_id, observation, since, last_heartbeat_at)
     SELECT id, observation, now() - interval '1 day', last_seen FROM edge_devices
     ON CONFLICT (device_id) DO NOTHING`,
  );
  await client.query('ANALYZE edge_devices');
}
