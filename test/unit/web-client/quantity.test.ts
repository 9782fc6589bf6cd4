import { describe, expect, it } from 'vitest';
import { factLabel, factValue, metricLine } from '../../../web/client/format/facts.ts';
import { bytes, count, percent } from '../../../web/client/format/quantity.ts';

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [10 * 1024, '10 KiB'],
    [34_359_738_368, '32 GiB'],
    [2 ** 60, '1024 PiB'],
  ])('of %i is %s', (value, text) => {
    expect(bytes(value)).toBe(text);
  });
});

it('percent shows one decimal only where there is one', () => {
  expect([percent(7), percent(45.25)]).toEqual(['7 %', '45.3 %']);
});

it('count knows one from many', () => {
  expect([count(1, 'device'), count(2, 'device'), count(0, 'entry', 'entries')]).toEqual([
    '1 device',
    '2 devices',
    '0 entries',
  ]);
});

describe('facts', () => {
  it('have labels, also where the device invents a name', () => {
    expect([factLabel('cpu_model'), factLabel('rack_unit')]).toEqual(['Processor', 'Rack unit']);
  });

  it('are shown with their unit, and never as [object Object]', () => {
    expect([
      factValue('memory_bytes', 34_359_738_368),
      factValue('has_gpu', true),
      factValue('ip_addresses', ['10.0.0.1', '10.0.0.2']),
      factValue('nested', { a: 1 }),
      factValue('nothing', null),
    ]).toEqual(['32 GiB', 'Yes', '10.0.0.1, 10.0.0.2', '{"a":1}', '–']);
  });

  it('of a measurement make one line', () => {
    expect(metricLine({ percent: 45.23, cores: 8, used_bytes: 2048 })).toBe(
      '45.2 % · cores 8 · used 2.0 KiB',
    );
  });
});
