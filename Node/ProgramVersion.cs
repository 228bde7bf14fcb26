using System.Reflection;

namespace Mesh.Node;

/// <summary>Says which version this program is.</summary>
static class ProgramVersion
{
    /// <summary>Gets the version as text: <c>0.1.0</c>.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
}
