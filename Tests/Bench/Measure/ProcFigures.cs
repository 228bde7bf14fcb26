namespace Mesh.Bench.Measure;

/// <summary>Reads processor time and memory from /proc.</summary>
static class ProcFigures
{
    // USER_HZ, in which proc(5) counts, is 100 on every architecture that .NET runs on.
    const double TicksPerSecond = 100;

    /// <summary>Processor seconds that a process has used so far: user and system, all its threads, 10 ms steps.</summary>
    public static double CpuSeconds(int process)
    {
        var stat = File.ReadAllText($"/proc/{process}/stat");
        // The name, in parentheses, may hold anything; utime and stime are fields 14 and 15, and state after it is field 3.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11]) + long.Parse(fields[12])) / TicksPerSecond;
    }

    /// <summary>Resident set of a process in bytes.</summary>
    public static long ResidentBytes(int process)
    {
        foreach (var line in File.ReadLines($"/proc/{process}/status"))
        {
            if (line.StartsWith("VmRSS:", StringComparison.Ordinal))
                return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
        }

        return 0;
    }

    /// <summary>Processor seconds that the whole machine has been busy so far: user, nice, system, irq and softirq; sampled by the kernel's tick.</summary>
    public static double MachineCpuSeconds()
    {
        // cpu user nice system idle iowait irq softirq steal
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new[] { 1, 2, 3, 6, 7 }.Sum(i => long.Parse(fields[i])) / TicksPerSecond;
    }
}
