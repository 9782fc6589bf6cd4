/** Numbers with their units. Pure. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `512 B`, `1.5 GiB`: binary units, one decimal below ten. */
export function bytes(count: number): string {
  const exponent = count < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  const scaled = count / 1024 ** exponent;
  const digits = exponent > 0 && scaled < 10 ? 1 : 0;
  return `${scaled.toFixed(digits)} ${BYTE_UNITS[exponent]}`;
}

/** `45.2 %`, `7 %`. */
export const percent = (value: number): string => `${Number.isInteger(value) ? value : value.toFixed(1)} %`;

/** `1 device`, `12 devices`, with the reader's digit groups. */
export const count = (value: number, singular: string, plural = `${singular}s`): string =>
  `${value.toLocaleString()} ${value === 1 ? singular : plural}`;
