import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  addressesOf,
  certificateHosts,
  MAX_CERTIFICATE_HOSTS,
} from '../../../control-plane/supervisor/addresses.ts';

const at = (address: string, internal = false): NetworkInterfaceInfo => ({
  address,
  internal,
  netmask: '',
  mac: '',
  cidr: null,
  family: 'IPv4',
});

describe('certificateHosts', () => {
  it('covers loopback, the public name, the machine’s name and every outside address, once each', () => {
    const interfaces = {
      lo: [at('127.0.0.1', true)],
      eth0: [at('10.0.0.2'), at('fe80::1')],
      eth1: [at('10.0.0.2')],
    };
    expect(certificateHosts('edge.example.com', 'box', interfaces)).toEqual([
      'localhost',
      '127.0.0.1',
      '::1',
      'edge.example.com',
      'box',
      '10.0.0.2',
    ]);
  });
  it('does not grow with the containers of a machine', () => {
    const many = { docker: Array.from({ length: 500 }, (_, n) => at(`10.1.${n >> 8}.${n & 255}`)) };
    const hosts = certificateHosts('edge.example.com', 'box', many);
    expect(hosts).toHaveLength(MAX_CERTIFICATE_HOSTS);
    expect(hosts).toContain('edge.example.com');
  });
});

describe('addressesOf', () => {
  const settings = {
    publicHost: 'edge.example.com',
    httpHost: '127.0.0.1',
    httpPort: 8080,
    httpsPort: 8443,
    mqttHost: '0.0.0.0',
    mqttPort: 8883,
    mqttUrl: null,
  };
  it('gives devices the public name and itself the loopback', () => {
    expect(addressesOf(settings)).toEqual({
      consoleUrl: 'http://127.0.0.1:8080',
      publicUrl: 'https://edge.example.com:8443',
      mqttUrl: 'mqtts://edge.example.com:8883',
      ownMqttUrl: 'mqtts://127.0.0.1:8883',
    });
  });
  it('writes IPv6 addresses in brackets', () => {
    const urls = addressesOf({ ...settings, publicHost: '2001:db8::1', httpHost: '::', mqttHost: '::1' });
    expect(urls.publicUrl).toBe('https://[2001:db8::1]:8443');
    expect(urls.consoleUrl).toBe('http://[::1]:8080');
    expect(urls.ownMqttUrl).toBe('mqtts://[::1]:8883');
  });
  it('takes a broker elsewhere for devices and itself', () => {
    const urls = addressesOf({ ...settings, mqttUrl: 'mqtts://broker:8883' });
    expect([urls.mqttUrl, urls.ownMqttUrl]).toEqual(['mqtts://broker:8883', 'mqtts://broker:8883']);
  });
});
