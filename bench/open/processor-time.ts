/** Time that all threads of this process worked since `process.cpuUsage()` gave `start`, in milliseconds. */
export function processorMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
