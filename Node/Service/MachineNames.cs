using System.Runtime.InteropServices;
using Mesh.Node.Enrollment;

namespace Mesh.Node.Service;

/// <summary>Says what this machine calls itself.</summary>
static class MachineNames
{
    /// <summary>Describes the machine; a hostname that was asked for goes before its own.</summary>
    public static MachineDescription Describe(string? hostname) =>
        new(string.IsNullOrWhiteSpace(hostname) ? Environment.MachineName : hostname.Trim(), Os, ProgramVersion.Text);

    static string Os => RuntimeInformation.IsOSPlatform(OSPlatform.Linux) ? "linux" : Environment.OSVersion.Platform.ToString();
}
