/** What a run says, as one table and one ratio. Pure. */
import type { PhaseResult } from './telemetry-run.ts';

/** CPU of our three parts per durable message, rollups left out: the floor has none either. */
export const ownMicros = ({ cpu }: PhaseResult): number => cpu.broker + cpu.controlPlane + cpu.postgres;

/** Null where no floor was measured. psql itself counts as the floor's client, as our control plane does for us. */
export function floorMicros({ floor, phase }: PhaseResult): number | null {
  if (floor === null) return null;
  return floor.broker.micros + (floor.copy.serverMicros + floor.copy.clientMicros) * phase.pointsPerMessage;
}

export function ratioOf(result: PhaseResult): number | null {
  const floor = floorMicros(result);
  return floor === null ? null : ownMicros(result) / floor;
}

export function table(results: readonly PhaseResult[]): string {
  const cells = results.map((result) => {
    const { phase, load, cpu, floor } = result;
    const own = ownMicros(result);
    const least = floorMicros(result);
    const micros = (value: number): string => value.toFixed(0);
    return {
      'points per message': `${phase.pointsPerMessage}`,
      devices: `${phase.devices}`,
      'durable messages/s': micros(result.messagesPerSecond),
      'durable points/s': micros(result.pointsPerSecond),
      'ack p50 / p95 / p99 ms': [load.p50, load.p95, load.p99].map((ms) => ms.toFixed(0)).join(' / '),
      'CPU µs per message': micros(own),
      'of it broker / control plane / PostgreSQL': [cpu.broker, cpu.controlPlane, cpu.postgres]
        .map(micros)
        .join(' / '),
      'CPU µs per point': (own / phase.pointsPerMessage).toFixed(1),
      'rollups later, µs per point': (result.rollupMicros / phase.pointsPerMessage).toFixed(1),
      'floor µs per message': least === null ? '' : micros(least),
      'of it Mosquitto / COPY server / psql':
        floor === null
          ? ''
          : [
              floor.broker.micros,
              floor.copy.serverMicros * phase.pointsPerMessage,
              floor.copy.clientMicros * phase.pointsPerMessage,
            ]
              .map(micros)
              .join(' / '),
      'ratio to the floor': ratioOf(result)?.toFixed(2) ?? '',
      'lost or doubled rows': `${load.acked * phase.pointsPerMessage - result.rows}`,
    };
  });
  const [first] = cells;
  if (first === undefined) return '';
  const names = Object.keys(first) as (keyof typeof first)[];
  return [
    `| | ${results.map(({ phase }) => phase.name).join(' | ')} |`,
    `|---|${results.map(() => '---|').join('')}`,
    ...names.map((name) => `| ${name} | ${cells.map((cell) => cell[name]).join(' | ')} |`),
  ].join('\n');
}
