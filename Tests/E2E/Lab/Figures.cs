using Xunit.Abstractions;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Prints what a scenario measured: into its output, and as one line into the file that <c>MESH_FIGURES</c> names.</summary>
static class Figures
{
    static readonly Lock _gate = new();

    /// <summary>Prints one line.</summary>
    public static void Print(this ITestOutputHelper output, string scenario, string figures)
    {
        output.WriteLine($"{scenario}: {figures}");
        if (Environment.GetEnvironmentVariable("MESH_FIGURES") is not { Length: > 0 } file)
            return;
        lock (_gate)
            File.AppendAllText(file, $"{scenario}: {figures}\n");
    }
}
