/** Measured values with their units, and round steps for their axes. Pure. */
import { bytes, percent } from '../format/quantity.ts';

const MIB = 1024 * 1024;

/** `45.2 %`, `1.5 GiB`, `320 KiB/s`, `67 °C`, `84 W`, `1,024`; `–` for a gap. Units as in the metric catalogue. */
export function metricValue(value: number | null, unit: string | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  switch (unit) {
    case 'percent':
      return percent(Math.round(value * 10) / 10);
    case 'bytes':
      return signed(value, bytes);
    case 'bytes/s':
      return `${signed(value, bytes)}/s`;
    case 'MiB':
      return signed(value * MIB, bytes);
    case 'celsius':
      return `${plain(value)} °C`;
    case 'watts':
      return `${plain(value)} W`;
    case 'count':
    case null:
    case '':
      return plain(value);
    default:
      return `${plain(value)} ${unit}`;
  }
}

/** Three digits that matter, with the reader's groups. */
function plain(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-3)) return value.toExponential(2);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

const signed = (value: number, format: (size: number) => string): string =>
  value < 0 ? `−${format(-value)}` : format(value);

export interface ValueAxis {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** An axis from zero, or from below where values are, with four to six round steps: binary ones for bytes. */
export function valueAxis(lowest: number, highest: number, unit: string | null): ValueAxis {
  if (unit === 'percent' && lowest >= 0 && highest <= 100) return { min: 0, max: 100, step: 25 };
  const low = Math.min(0, lowest);
  const high = highest > low ? highest : low + 1;
  const step = isBinary(unit) ? binaryStep((high - low) / 4) : decimalStep((high - low) / 4);
  return { min: Math.floor(low / step) * step, max: Math.ceil(high / step) * step, step };
}

const isBinary = (unit: string | null): boolean => unit === 'bytes' || unit === 'bytes/s' || unit === 'MiB';

const binaryStep = (wanted: number): number => 2 ** Math.ceil(Math.log2(wanted));

function decimalStep(wanted: number): number {
  const power = 10 ** Math.floor(Math.log10(wanted));
  const factor = [1, 2, 2.5, 5, 10].find((round) => round * power >= wanted * 0.999) ?? 10;
  return factor * power;
}
