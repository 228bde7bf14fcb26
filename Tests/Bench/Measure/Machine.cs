using System.Runtime.InteropServices;
using Mesh.Bench.Lab;
using Mesh.Protocol.Crypto;

namespace Mesh.Bench.Measure;

/// <summary>What figures were measured on.</summary>
static class Machine
{
    static readonly string[] Notable =
        ["aes", "vaes", "pclmulqdq", "vpclmulqdq", "avx2", "avx512f", "avx512ifma", "sha_ni", "bmi2", "adx", "asimd", "pmull", "sve", "hypervisor"];

    /// <summary>Describes the machine in lines of name and value.</summary>
    public static IReadOnlyList<(string Name, string Value)> Describe()
    {
        var cpu = File.ReadLines("/proc/cpuinfo").Select(l => l.Split(':', 2)).Where(p => p.Length == 2)
            .GroupBy(p => p[0].Trim()).ToDictionary(g => g.Key, g => g.First()[1].Trim());
        var flags = (cpu.GetValueOrDefault("flags") ?? cpu.GetValueOrDefault("Features") ?? "").Split(' ').ToHashSet();
        return
        [
            ("date", DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'")),
            ("cpu", $"{cpu.GetValueOrDefault("model name") ?? RuntimeInformation.ProcessArchitecture.ToString()}, {Environment.ProcessorCount} cores"),
            ("features", string.Join(' ', Notable.Where(flags.Contains))),
            ("memory", $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30)} GB"),
            ("kernel", $"{File.ReadAllText("/proc/sys/kernel/osrelease").Trim()} ({RuntimeInformation.OSDescription})"),
            ("libcrypto", OpenSsl()),
            ("aes-256-gcm", $"by {CipherHardware.AesLibrary}"),
            (".NET", Environment.Version.ToString()),
            ("load before", string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3))),
        ];
    }

    static unsafe string OpenSsl() => Marshal.PtrToStringUTF8((nint)Native.OpenSslVersion(0)) ?? "";
}
