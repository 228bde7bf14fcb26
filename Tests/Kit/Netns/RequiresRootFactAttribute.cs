namespace Mesh.Tests.Kit;

/// <summary>
/// Marks a test that needs root, network namespaces and the named programs. Where one is missing the test is skipped with that
/// reason, unless the environment has <c>MESH_REQUIRE_ALL=1</c>: then it runs, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresRootFactAttribute : FactAttribute
{
    /// <param name="programs">Names looked up in <c>PATH</c> (and in /usr/sbin and /sbin).</param>
    public RequiresRootFactAttribute(params string[] programs)
    {
        if (Requirements.Missing(programs) is { } reason && !Requirements.RequireAll)
            Skip = reason;
    }
}

/// <summary>As <see cref="RequiresRootFactAttribute"/>, for theories.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RequiresRootTheoryAttribute : TheoryAttribute
{
    /// <param name="programs">Names looked up in <c>PATH</c> (and in /usr/sbin and /sbin).</param>
    public RequiresRootTheoryAttribute(params string[] programs)
    {
        if (Requirements.Missing(programs) is { } reason && !Requirements.RequireAll)
            Skip = reason;
    }
}

/// <summary>Says what this machine lacks to run a test.</summary>
public static class Requirements
{
    /// <summary>Nothing may be skipped.</summary>
    public static bool RequireAll => Environment.GetEnvironmentVariable("MESH_REQUIRE_ALL") == "1";

    /// <summary>Long runs are wanted.</summary>
    public static bool Full => Environment.GetEnvironmentVariable("MESH_FULL") == "1";

    /// <summary>The first thing that is missing, as one line, or null.</summary>
    public static string? Missing(params string[] programs)
    {
        if (!OperatingSystem.IsLinux())
            return "needs Linux";
        if (Environment.UserName != "root" && !Environment.IsPrivilegedProcess)
            return "needs root";
        if (!File.Exists("/dev/net/tun"))
            return "needs /dev/net/tun";
        foreach (var program in programs.Prepend("ip"))
        {
            if (Find(program) is null)
                return $"needs the program {program}";
        }

        return null;
    }

    /// <summary>The full path of a program, or null.</summary>
    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return folders.Concat(["/usr/sbin", "/sbin", "/usr/bin"]).Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists);
    }
}
