using System.Reflection;

namespace Mesh.Controller;

/// <summary>Is the program's version, as it was built.</summary>
static class ProgramVersion
{
    /// <summary>Gets the version: <c>0.1.0</c>.</summary>
    public static string Text { get; } =
        typeof(ProgramVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? "0";
}
