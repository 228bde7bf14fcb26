using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Mesh.Tests.Architecture;

/// <summary>
/// Holds that one list decides which actor engine the sources compile against: the engine, its test kit and the tests that look inside it
/// name it, and nobody else; and the list holds what is used and what is there, no more and no less.
/// </summary>
public sealed partial class EngineSwitchTests
{
    static readonly string[] NamingAnEngine = ["Actors/Engine/", "Tests/Kit/TestKit/", "Tests/Engine/Internal/"];

    /// <summary>Public types of the engine that sources outside do not name, and why not.</summary>
    static readonly Dictionary<string, string[]> NotListed = new()
    {
        ["the name is also that of something else that programs use"] =
            ["Debug", "Info", "Warning", "Error", "LogLevel", "LogMessage", "Envelope", "Settings", "Receive", "UntypedReceive"],
        ["it is reached through a member, by those who hold something that is listed"] =
        [
            "ITimeProvider", "ITellScheduler", "IActionScheduler", "IAdvancedScheduler", "ICanWatch", "Nobody", "IDecider",
            "LocalOnlyDecider", "SuppressedDeadLetter", "Dropped", "ConfigKey", "IPersistenceMessage", "IJournalMessage",
            "ISnapshotMessage", "ISnapshotRequest", "ISnapshotResponse",
        ],
        ["only the engine derives from it"] =
            ["ActorRefBase", "BackoffSupervisorBase", "IActorStash", "IWithUnrestrictedStash", "IAutoReceivedMessage"],
        ["an alias cannot name an open generic, and what it saves is little"] = ["ExtensionIdProvider"],
        ["it is named in a configuration"] = ["MemorySnapshotStore", "NoSnapshotStore"],
        ["it comes where the failure is handled as a failure, whatever its type"] = ["SchedulerException", "OpenCircuitException"],
    };

    static IReadOnlyList<XElement> Imports { get; } =
        [.. new[] { "Actors/ActorApi.props", "Tests/Kit/TestKitApi.props" }
            .SelectMany(file => XDocument.Load(Path.Combine(Repository.Root, file)).Descendants("Using"))];

    static IReadOnlyList<string> Aliases { get; } = [.. Imports.Select(item => item.Attribute("Alias")?.Value).OfType<string>()];

    /// <summary>The sources that must not name an engine, with their code: comments and texts are left out.</summary>
    static IReadOnlyList<(string File, string Code)> Outside { get; } =
    [
        .. Repository.Sources().Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !NamingAnEngine.Any(room => file.StartsWith(room, StringComparison.Ordinal)))
            .Select(file => (file, CommentOrText().Replace(File.ReadAllText(Path.Combine(Repository.Root, file)), "\"\""))),
    ];

    [Fact]
    public void No_source_names_an_engine()
    {
        // Also not in a text: the class of a plugin in a configuration is a name as well.
        var named = Outside.Select(source => source.File)
            .Where(file => File.ReadLines(Path.Combine(Repository.Root, file))
                .Any(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && EngineName().IsMatch(line)));
        Assert.Empty(named);
    }

    [Fact]
    public void Rooms_that_may_name_the_engine_do() => Assert.All(
        NamingAnEngine, room => Assert.Contains(Repository.Sources(room), file => EngineName().IsMatch(File.ReadAllText(file))));

    [Fact]
    public void No_type_of_ours_shadows_an_alias()
    {
        // The enclosing namespace wins over a global alias, silently.
        var shadowed = Outside.SelectMany(source => TypeDeclaration().Matches(source.Code).Select(match => match.Groups["name"].Value))
            .Intersect(Aliases);
        Assert.Empty(shadowed);
    }

    [Fact]
    public void Every_alias_is_listed_once()
    {
        Assert.NotEmpty(Aliases);
        Assert.Equal(Aliases.Distinct(), Aliases);
    }

    [Fact]
    public void Every_alias_is_used_by_a_source_outside_the_engine()
    {
        var unused = Aliases.Where(alias => !Outside.Any(source => Regex.IsMatch(source.Code, $@"(?<![\w.]){alias}\b"))).ToList();
        Assert.Empty(unused);
    }

    [Fact]
    public void Every_static_import_is_used_by_a_source_outside_the_engine()
    {
        var methods = Repository.Sources("Actors/Engine").Select(File.ReadAllText)
            .SelectMany(code => StaticClass().Matches(code).Select(match => (
                Name: match.Groups["name"].Value,
                Methods: StaticMethod().Matches(match.Groups["body"].Value).Select(method => method.Groups["name"].Value).ToList())))
            .ToDictionary(each => each.Name, each => each.Methods);
        var imported = Imports.Where(item => item.Attribute("Static") is not null).Select(item => SimpleName(item)).ToList();
        Assert.NotEmpty(imported);
        var unused = imported.Where(name => !methods[name].Any(method => Outside.Any(source =>
            Regex.IsMatch(source.Code, $@"\b{method}\s*[(<;,)]")))).ToList();
        Assert.Empty(unused);
    }

    [Fact]
    public void Every_public_type_of_the_engine_is_listed_or_left_out_for_a_reason()
    {
        var types = Repository.Sources("Actors/Engine").SelectMany(file => PublicType().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value).Distinct().ToList();
        var listed = Imports.Select(SimpleName).ToHashSet();
        var leftOut = NotListed.Values.SelectMany(names => names).ToList();
        Assert.Empty(types.Except(listed).Except(leftOut));
        // Nor is anything left out that is listed, or not there.
        Assert.Empty(leftOut.Intersect(listed));
        Assert.Empty(leftOut.Except(types));
    }

    static string SimpleName(XElement item) => item.Attribute("Include")!.Value.Split('.')[^1];

    [GeneratedRegex(@"\bMesh\.Actors\.Engine\b(?!\.csproj)|\bAkka\.(?!NET\b)[A-Z]|\busing\s+Akka\b")]
    private static partial Regex EngineName();

    [GeneratedRegex("\"\"\".*?\"\"\"|\"(\\\\.|[^\"\\\\\\n])*\"|//[^\\n]*", RegexOptions.Singleline)]
    private static partial Regex CommentOrText();

    [GeneratedRegex(@"^(public |internal |sealed |static |abstract |partial |readonly |file |unsafe |ref )*(class|record struct|record class|record|struct|interface|enum) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"^public ((sealed|static|abstract|partial|readonly|delegate|ref|unsafe) )*(class|record struct|record class|record|struct|interface|enum|[\w<>?]+) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();

    [GeneratedRegex(@"^public static class (?<name>\w+)\s*\{(?<body>.*?)^\}", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex StaticClass();

    [GeneratedRegex(@"^    public static (async )?[\w<>?\[\], ]+? (?<name>\w+)[(<]", RegexOptions.Multiline)]
    private static partial Regex StaticMethod();
}
