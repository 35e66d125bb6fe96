import { describe, expect, it } from 'vitest';
import { coreQuota } from './core-quota.ts';

const quota = (files: Record<string, string>): number => coreQuota((path) => files[path] ?? null);

describe('the cores that control groups leave', () => {
  it("are those of the process's own group, or of one that it lies in", () => {
    const own = '0::/system.slice/job.service\n';
    expect(
      quota({
        '/proc/self/cgroup': own,
        '/sys/fs/cgroup/system.slice/job.service/cpu.max': '150000 100000\n',
        '/sys/fs/cgroup/system.slice/cpu.max': 'max 100000\n',
      }),
    ).toBe(1.5);
    expect(
      quota({
        '/proc/self/cgroup': own,
        '/sys/fs/cgroup/system.slice/job.service/cpu.max': '800000 100000\n',
        '/sys/fs/cgroup/system.slice/cpu.max': '200000 100000\n',
      }),
    ).toBe(2);
  });

  it('are read in both versions, and from the root where a container shows only that', () => {
    const old = {
      '/proc/self/cgroup': '4:memory:/a\n2:cpu,cpuacct:/docker/x\n0::/\n',
      '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us': '300000\n',
      '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us': '100000\n',
    };
    expect(quota(old)).toBe(3);
    expect(quota({ '/proc/self/cgroup': '0::/../other\n', '/sys/fs/cgroup/cpu.max': '50000 100000' })).toBe(
      0.5,
    );
    expect(quota({ '/sys/fs/cgroup/cpu.max': '50000 100000' })).toBe(0.5);
  });

  it('are unlimited without a quota', () => {
    expect(quota({})).toBe(Number.POSITIVE_INFINITY);
    const none = {
      '/proc/self/cgroup': '1:cpu:/\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1',
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000',
    };
    expect(quota(none)).toBe(Number.POSITIVE_INFINITY);
  });
});
