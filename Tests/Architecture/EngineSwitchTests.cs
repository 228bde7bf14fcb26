using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Mesh.Tests.Architecture;

/// <summary>Holds that one list of aliases decides which actor engine the sources compile against.</summary>
public sealed partial class EngineSwitchTests
{
    static readonly string[] Outside = ["Actors/Network", "Node", "Controller", "Tests/Actors", "Tests/Node", "Tests/Controller", "Tests/E2E", "Tests/Bench"];

    static IReadOnlyList<string> Aliases { get; } = [.. XDocument.Load(Path.Combine(Repository.Root, "Actors/ActorApi.props"))
        .Descendants("Using").Select(item => item.Attribute("Alias")?.Value).OfType<string>()];

    [Fact]
    public void No_source_names_an_engine()
    {
        var named = Outside.SelectMany(folder => Repository.Sources(folder))
            .Where(file => File.ReadLines(file).Any(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && EngineName().IsMatch(line)))
            .Select(file => Path.GetRelativePath(Repository.Root, file));
        Assert.Empty(named);
    }

    [Fact]
    public void No_type_of_ours_shadows_an_alias()
    {
        // The enclosing namespace wins over a global alias, silently.
        var shadowed = new[] { "Protocol" }.Concat(Outside).SelectMany(folder => Repository.Sources(folder))
            .SelectMany(file => TypeDeclaration().Matches(File.ReadAllText(file)).Select(match => match.Groups["name"].Value))
            .Intersect(Aliases);
        Assert.Empty(shadowed);
    }

    [Fact]
    public void Every_alias_is_listed_once()
    {
        Assert.NotEmpty(Aliases);
        Assert.Equal(Aliases.Distinct(), Aliases);
    }

    [GeneratedRegex(@"\b(using\s+(static\s+)?|global::)(Akka\b|Mesh\.Actors\.Engine\b)|\bAkka\.(Actor|Event|Persistence|Pattern)\b")]
    private static partial Regex EngineName();

    [GeneratedRegex(@"^(public |internal |sealed |static |abstract |partial |readonly |file |unsafe |ref )*(class|record struct|record class|record|struct|interface|enum) (?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();
}
