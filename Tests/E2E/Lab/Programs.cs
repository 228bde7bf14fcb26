namespace Mesh.Tests.E2E.Lab;

/// <summary>
/// Finds the programs under test: those that were built with the tests, in the same configuration, unless the environment names
/// others (<c>MESH_BINARY</c>, <c>MESH_CONTROLLER_BINARY</c>), which is how the scenarios run on the native binary.
/// </summary>
static class Programs
{
    /// <summary>Gets the path of <c>mesh</c>.</summary>
    public static string Mesh { get; } = Find("MESH_BINARY", "Node", "mesh");

    /// <summary>Gets the path of <c>mesh-controller</c>.</summary>
    public static string Controller { get; } = Find("MESH_CONTROLLER_BINARY", "Controller", "mesh-controller");

    static string Find(string variable, string room, string program)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named)
            return File.Exists(named) ? Path.GetFullPath(named) : throw new FileNotFoundException($"{variable} names no file: {named}");
        // .../Tests/E2E/bin/<Configuration>/<Framework>/
        var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/'));
        var repository = output.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
        var built = Path.Combine(repository, room, "bin", output.Parent.Name, output.Name, program);
        return File.Exists(built) ? built : throw new FileNotFoundException($"{built} is not built");
    }
}
