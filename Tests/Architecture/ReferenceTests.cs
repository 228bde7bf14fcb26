namespace Mesh.Tests.Architecture;

public sealed class ReferenceTests
{
    const string Protocol = "Protocol/Mesh.Protocol.csproj";
    const string Engine = "Actors/Engine/Mesh.Actors.Engine.csproj";
    const string Network = "Actors/Network/Mesh.Actors.csproj";
    const string Node = "Node/Mesh.Node.csproj";
    const string Controller = "Controller/Mesh.Controller.csproj";

    public static TheoryData<string, string[]> Rooms => new()
    {
        { Protocol, [] },
        { Engine, [] },
        { Network, [Protocol, Engine] },
        { Node, [Protocol, Engine, Network] },
        { Controller, [Protocol, Engine, Network] },
    };

    [Theory]
    [MemberData(nameof(Rooms))]
    public void References_go_one_way(string project, string[] allowed) =>
        Assert.Empty(Repository.References(project).Except(allowed));

    [Fact]
    public void There_are_no_other_top_level_folders() => Assert.Empty(
        Directory.EnumerateDirectories(Repository.Root).Select(Path.GetFileName)
            .Except(["Actors", "Controller", "Node", "Protocol", "Tests", ".ci", ".git", "bin", "obj", "TestResults", "artifacts", "BenchmarkDotNet.Artifacts"]));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Mesh.Actors.sln"));
        var missing = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !solution.Contains(file.Replace('/', '\\'), StringComparison.Ordinal));
        Assert.Empty(missing);
    }

    [Fact]
    public void Rooms_are_not_named_after_kinds_of_files() => Assert.Empty(
        Repository.Sources().SelectMany(file => Path.GetDirectoryName(Path.GetRelativePath(Repository.Root, file))!.Split('/'))
            .Intersect(["Models", "Helpers", "Utils", "Util", "Common", "Misc", "Shared", "Interfaces", "Services"]));
}
