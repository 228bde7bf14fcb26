namespace Mesh.Node.Demo;

/// <summary>Finds the programs that the demonstration runs: this one, the controller that was built beside it, and the system's.</summary>
/// <param name="Mesh">The command that starts this program again.</param>
/// <param name="Controller">The command that starts <c>mesh-controller</c>.</param>
/// <param name="Ping">The system's <c>ping</c>, where there is one.</param>
/// <param name="Iperf">The system's <c>iperf3</c>, where there is one.</param>
sealed record DemoPrograms(IReadOnlyList<string> Mesh, IReadOnlyList<string> Controller, string? Ping, string? Iperf)
{
    /// <summary>Finds them, or says in one line what is missing.</summary>
    public static DemoPrograms Find(Func<string, string?> environment)
    {
        var controller = FindController(environment) ?? throw new MeshFailureException(ExitCodes.BadConfiguration,
            "demo: mesh-controller is not beside this program and not on PATH: build the solution, or set MESH_CONTROLLER_BINARY");
        return new DemoPrograms(OwnProgram.Command, controller, OnPath("ping", environment), OnPath("iperf3", environment));
    }

    /// <summary>Finds a program on PATH, or in the folders that root's PATH may lack.</summary>
    public static string? OnPath(string name, Func<string, string?> environment) =>
        (environment("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Concat(["/usr/sbin", "/sbin", "/usr/bin", "/bin"])
            .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    static IReadOnlyList<string>? FindController(Func<string, string?> environment)
    {
        if (environment("MESH_CONTROLLER_BINARY") is { Length: > 0 } named)
            return File.Exists(named) ? [named] : null;
        var here = AppContext.BaseDirectory.TrimEnd('/');
        // In a build tree this program lies in Node/bin/CONFIGURATION/FRAMEWORK and the controller in the same place of its own room.
        var (framework, configuration) = (Path.GetFileName(here), Path.GetFileName(Path.GetDirectoryName(here) ?? ""));
        string?[] candidates =
        [
            Path.Combine(here, "mesh-controller"),
            Path.GetFullPath(Path.Combine(here, "../../../../Controller/bin", configuration, framework, "mesh-controller")),
            OnPath("mesh-controller", environment),
        ];
        return candidates.FirstOrDefault(File.Exists) is { } found ? [found] : null;
    }
}
