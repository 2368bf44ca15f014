import { readdirSync, readFileSync } from 'node:fs';

/** The process of a project's supervisor. */
export function supervisorOf(project) {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (
        words.some((word) => /supervisor\/main\.(js|ts)$/.test(word)) &&
        words.some((word) => word.includes(project))
      ) {
        return Number(pid);
      }
    } catch {
      // ENOENT: it ended meanwhile.
    }
  }
  throw new Error(`no supervisor of ${project}`);
}

/** Its memory in MB, processor time in seconds and open descriptors. */
export function useOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return {
    rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024),
    cpuS: (Number(fields[11]) + Number(fields[12])) / 100,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}
