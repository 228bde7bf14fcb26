using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Mesh.Tests.Engine;

/// <summary>Holds that the README of these tests tells the truth: what it names is there, and no row is left without an answer.</summary>
public sealed partial class ChecklistTests
{
    static readonly string Readme = Path.GetFullPath(Path.Combine(Here(), "../README.md"));
    static readonly HashSet<string> Tests = [.. Sources().SelectMany(TestsOf)];

    static IReadOnlyList<Table> Tables { get; } = [.. ReadTables()];

    [Fact]
    public void Every_test_that_is_named_exists()
    {
        var missing = Tables.SelectMany(table => table.Rows).SelectMany(row => row.Tests).Where(test => !Tests.Contains(test)).ToList();
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_row_has_a_test_or_a_reason()
    {
        var unanswered = Tables.SelectMany(table => table.Rows).Where(row => row.Tests.Count == 0 && row.Reason.Length == 0).ToList();
        Assert.Empty(unanswered);
        Assert.All(Tables, table => Assert.NotEmpty(table.Rows));
    }

    [Fact]
    public void Every_spec_has_its_place_and_no_test_is_named_twice_in_a_row()
    {
        var specs = Tables.Where(table => table.IsOfSpecs).SelectMany(table => table.Rows).ToList();
        Assert.All(specs, row => Assert.NotEmpty(row.Names));
        // A spec whose behaviours are many has several rows, one below the other; it is not in two places.
        var runs = specs.Select(row => string.Join(' ', row.Names)).Aggregate(
            new List<string>(), (list, names) => list.Count > 0 && list[^1] == names ? list : [.. list, names]);
        var places = runs.SelectMany(names => names.Split(' ')).ToList();
        Assert.Equal(places.Distinct(), places);
        Assert.All(Tables.SelectMany(table => table.Rows), row => Assert.Equal(row.Tests.Distinct(), row.Tests));
    }

    [Fact]
    public void What_reads_the_page_finds_something_on_it()
    {
        Assert.True(Tables.Count(table => table.IsOfSpecs) >= 7);
        Assert.True(Tables.Count(table => !table.IsOfSpecs) >= 5);
        Assert.True(Tables.Sum(table => table.Rows.Count) > 150);
        Assert.Contains("ChecklistTests.What_reads_the_page_finds_something_on_it", Tests);
    }

    static IEnumerable<Table> ReadTables()
    {
        Table? table = null;
        foreach (var line in File.ReadLines(Readme))
        {
            if (!line.StartsWith('|'))
            {
                table = null;
                continue;
            }
            var cells = line.Trim('|').Split('|').Select(cell => cell.Trim()).ToArray();
            if (table is null)
            {
                table = new Table(cells);
                yield return table;
            }
            else if (!cells.All(cell => cell.All(symbol => symbol == '-')))
            {
                Assert.Equal(table.Columns.Length, cells.Length);
                table.Add(cells);
            }
        }
    }

    static IEnumerable<string> TestsOf(string file)
    {
        string? type = null;
        var isTest = false;
        foreach (var line in File.ReadLines(file))
        {
            if (ClassName().Match(line) is { Success: true } named)
                type = named.Groups["name"].Value;
            isTest |= TestAttribute().IsMatch(line);
            if (!isTest || MethodName().Match(line) is not { Success: true } method)
                continue;
            isTest = false;
            yield return $"{type}.{method.Groups["name"].Value}";
        }
    }

    /// <summary>The sources of all test assemblies.</summary>
    static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.GetFullPath(Path.Combine(Here(), "../..")), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"^(public |internal |sealed |abstract |static |partial )*class (?<name>\w+)")]
    private static partial Regex ClassName();

    [GeneratedRegex(@"^\s+\[\w*(Fact|Theory)\b")]
    private static partial Regex TestAttribute();

    [GeneratedRegex(@"^\s+(public|internal) .*?\b(?<name>\w+)\(")]
    private static partial Regex MethodName();

    [GeneratedRegex(@"`(?<class>\w*)\.(?<method>\w+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"`(?<name>\w+)`")]
    private static partial Regex SpecName();

    /// <summary>A table of the page. What its columns are called says what is in them.</summary>
    sealed class Table(string[] columns)
    {
        public string[] Columns => columns;

        public List<Row> Rows { get; } = [];

        public bool IsOfSpecs => columns[0] == "spec";

        public void Add(string[] cells)
        {
            string Cell(params string[] titles) => titles.Select(title => Array.IndexOf(columns, title)).Where(index => index >= 0)
                .Select(index => cells[index]).FirstOrDefault("");
            var tests = new List<string>();
            var type = "";
            foreach (Match match in TestName().Matches(Cell("by", "held by")))
            {
                type = match.Groups["class"].Value is { Length: > 0 } given ? given : type;
                tests.Add($"{type}.{match.Groups["method"].Value}");
            }
            var names = IsOfSpecs ? SpecName().Matches(cells[0]).Select(match => match.Groups["name"].Value).ToList() : [];
            Rows.Add(new Row(cells[0], names, tests, Cell("not here", "why there is nothing to test")));
        }
    }

    sealed record Row(string Title, IReadOnlyList<string> Names, IReadOnlyList<string> Tests, string Reason)
    {
        public override string ToString() => Title;
    }
}
