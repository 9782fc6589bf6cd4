/** The dialect that a variant speaks. */
import type { Dialect, Variant } from './dialect.ts';
import { partitions } from './partitions.ts';
import { timescale } from './timescale.ts';

export const dialectOf = (variant: Variant): Dialect =>
  variant === 'plain' ? partitions : timescale(variant === 'timescale-community');
