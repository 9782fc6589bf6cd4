/** The fleet at a glance (SD-U10, SD-P4). */
import { type Static, Type } from 'typebox';
import { DEVICE_STATUSES } from './devices.ts';
import { Nullable, Timestamp, Uuid } from './page.ts';

const TopDevice = Type.Object({
  device_id: Uuid(),
  device_name: Type.String(),
  status: Type.Enum([...DEVICE_STATUSES]),
  value: Type.Number(),
});
/** The fleet at a glance (SD-U10, SD-P4). */
export const Dashboard = Type.Object({
  total: Type.Integer(),
  by_status: Type.Record(Type.String(), Type.Integer()),
  by_type: Type.Record(Type.String(), Type.Integer()),
  top: Type.Object({
    cpu_percent: Type.Array(TopDevice),
    memory_percent: Type.Array(TopDevice),
    disk_percent: Type.Array(TopDevice),
    gpu_percent: Type.Array(TopDevice),
  }),
  outboxes: Type.Object({
    devices_with_backlog: Type.Integer(),
    records: Type.Integer(),
    bytes: Type.Integer(),
    dropped: Type.Integer(),
    worst: Type.Array(TopDevice, { description: 'value = records held.' }),
  }),
  skewed_clocks: Type.Array(TopDevice, { description: 'value = milliseconds ahead of our clock.' }),
  ingest: Type.Object({
    /** One entry per minute of the last hour, oldest first. */
    minutes: Type.Array(
      Type.Object({
        at: Timestamp(),
        messages: Type.Integer(),
        points: Type.Integer(),
        log_lines: Type.Integer(),
        dead_letters: Type.Integer(),
        duplicates: Type.Integer(),
        lag_ms_max: Nullable(Type.Integer({ description: 'Device time to commit, backfill left out.' })),
        commit_ms_max: Nullable(Type.Integer({ description: 'Receipt to commit.' })),
      }),
    ),
    dead_letters_24h: Type.Integer(),
    errors_24h: Type.Integer({ description: 'Log lines of level error and critical.' }),
    rollup_lag_seconds: Nullable(
      Type.Integer({
        description: 'Age of the oldest hour to be summed up; installation wide, admins only.',
      }),
    ),
  }),
});
export type Dashboard = Static<typeof Dashboard>;
