using System.Text.RegularExpressions;

namespace Mesh.Tests.Architecture;

public sealed partial class SourceTests
{
    const int LineLimit = 600;

    [Fact]
    public void No_source_is_longer_than_its_reader_can_hold() => Assert.Empty(
        Repository.Sources().Where(file => File.ReadLines(file).Count() > LineLimit).Select(file => Path.GetRelativePath(Repository.Root, file)));

    [Fact]
    public void Nothing_is_left_for_later() => Assert.Empty(
        Repository.Sources().Where(file => !file.EndsWith("SourceTests.cs", StringComparison.Ordinal) && Unfinished().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(Repository.Root, file)));

    [Theory]
    [InlineData("Node")]
    [InlineData("Controller")]
    [InlineData("Actors/Network")]
    public void Log_event_ids_are_unique(string room)
    {
        var ids = Repository.Sources(room).SelectMany(file => EventId().Matches(File.ReadAllText(file)).Select(match => match.Groups["id"].Value)).ToList();
        Assert.Equal(ids.Distinct(), ids);
    }

    [Fact]
    public void Only_the_crypto_folder_names_primitives()
    {
        var naming = new[] { "Protocol", "Actors", "Node", "Controller" }.SelectMany(room => Repository.Sources(room))
            .Where(file => !Path.GetRelativePath(Repository.Root, file).StartsWith("Protocol/Crypto/", StringComparison.Ordinal))
            .Where(file => File.ReadLines(file).Any(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal) && Primitive().IsMatch(line)))
            .Select(file => Path.GetRelativePath(Repository.Root, file));
        Assert.Empty(naming);
    }

    [Fact]
    public void Who_verifies_an_export_shares_no_code_with_who_writes_one() => Assert.Empty(
        Repository.Sources("Controller/Verification")
            .Where(file => File.ReadLines(file).Any(line => OtherRoom().IsMatch(line)))
            .Select(file => Path.GetRelativePath(Repository.Root, file)));

    [GeneratedRegex(@"^\s*(global )?using (static )?(Mesh\.Actors|Mesh\.Controller)\b|\bMesh\.(Actors|Controller)\.(?!Verification;)|\bChainEntry\b")]
    private static partial Regex OtherRoom();

    [GeneratedRegex(@"\bNotImplementedException\b|//\s*(TODO|FIXME|HACK|XXX)\b|\bTBD\b|catch\s*(\([^)]*\))?\s*\{\s*\}")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"\[LoggerMessage\((EventId\s*=\s*)?(?<id>\d+)")]
    private static partial Regex EventId();

    [GeneratedRegex(@"(?<!HashAlgorithmName\.)\b(SHA1|SHA256|SHA384|SHA512|HMACSHA\d+|IncrementalHash|AesGcm|HKDF|Rfc2898DeriveBytes)\b")]
    private static partial Regex Primitive();
}
