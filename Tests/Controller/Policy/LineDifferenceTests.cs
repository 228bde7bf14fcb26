using System.Text;
using Mesh.Controller.Policy;
using Xunit.Abstractions;

namespace Mesh.Tests.Controller.Policy;

public sealed class LineDifferenceTests(ITestOutputHelper output)
{
    [Fact]
    public void Prints_what_diff_prints() => Assert.Equal(
        """
        @@ -1,7 +1,7 @@
         1
         2
         3
        -4
        +four
         5
         6
         7
        @@ -16,5 +16,4 @@
         16
         17
         18
        -19
        -20
        \ No newline at end of file
        +20

        """,
        LineDifference.Of(Numbers(20).TrimEnd('\n'), Numbers(20).Replace("4\n5", "four\n5").Replace("19\n", "")).Print());

    [Fact]
    public void Changes_that_are_near_each_other_share_a_hunk()
    {
        var text = LineDifference.Of(Numbers(20), Numbers(20).Replace("5\n6", "five\n6").Replace("12\n", "twelve\n")).Print();
        Assert.Equal(1, text.Split("@@ -").Length - 1);
        text = LineDifference.Of(Numbers(20), Numbers(20).Replace("5\n6", "five\n6").Replace("13\n", "thirteen\n")).Print();
        Assert.Equal(2, text.Split("@@ -").Length - 1);
    }

    [Theory]
    [InlineData("", "", "")]
    [InlineData("a\n", "a\n", "")]
    [InlineData("", "a\n", "@@ -0,0 +1 @@\n+a\n")]
    [InlineData("a\n", "", "@@ -1 +0,0 @@\n-a\n")]
    [InlineData("a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n")]
    public void Corners(string before, string after, string printed) => Assert.Equal(printed, LineDifference.Of(before, after).Print());

    [Fact]
    public void A_random_edit_is_undone_by_what_is_printed_and_is_never_longer_than_need_be()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 2000; round++)
        {
            var (before, after) = (Draw(), Draw());
            var difference = LineDifference.Of(before, after);
            Assert.Equal(after, Patch(before, difference.Print()));
            var (added, removed) = difference.Count();
            var (old, now) = (Lines(before), Lines(after));
            Assert.Equal(old.Length + now.Length - 2 * Common(old, now), added + removed);
        }

        string Draw()
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(30)).Select(_ => (char)('a' + random.Next(4)) + "\n"));
            return random.Next(3) == 0 ? text.TrimEnd('\n') : text;
        }
    }

    [Fact]
    public void Long_texts_with_nothing_in_common_are_replaced()
    {
        var (before, after) = (Numbers(3000), Numbers(3000).Replace("\n", "x\n"));
        var difference = LineDifference.Of("same\n" + before, "same\n" + after);
        Assert.Equal((3000, 3000), difference.Count());
        Assert.Equal("same\n" + after, Patch("same\n" + before, difference.Print()));
    }

    // The length of a longest common subsequence, the plain way.
    static int Common(string[] old, string[] now)
    {
        var table = new int[old.Length + 1, now.Length + 1];
        for (var i = 1; i <= old.Length; i++)
        {
            for (var j = 1; j <= now.Length; j++)
                table[i, j] = old[i - 1] == now[j - 1] ? table[i - 1, j - 1] + 1 : Math.Max(table[i - 1, j], table[i, j - 1]);
        }
        return table[old.Length, now.Length];
    }

    // Applies hunks by their line numbers, holding them to what they claim of the old text.
    static string Patch(string before, string hunks)
    {
        var (old, result) = (Lines(before), new StringBuilder());
        var at = 0;
        string? last = null;
        foreach (var line in Lines(hunks))
        {
            if (line.StartsWith("@@ -", StringComparison.Ordinal))
            {
                Flush();
                var range = line[4..line.IndexOf(' ', 4)].Split(',');
                var first = int.Parse(range[0]) - (range is [_, "0"] ? 0 : 1);
                for (; at < first; at++)
                    result.Append(old[at]);
            }
            else if (line.StartsWith('\\'))
                last = last![..^1];
            else
            {
                Flush();
                last = line;
            }
        }
        Flush();
        for (; at < old.Length; at++)
            result.Append(old[at]);
        return result.ToString();

        void Flush()
        {
            if (last is null)
                return;
            if (last[0] != '+')
                Assert.Equal(old[at++], last[1..]);
            if (last[0] != '-')
                result.Append(last[1..]);
            last = null;
        }
    }

    static string[] Lines(string text) =>
        [.. text.Split('\n').SkipLast(text.EndsWith('\n') || text.Length == 0 ? 1 : 0).Select((line, i) => i < text.Count(c => c == '\n') ? line + "\n" : line)];

    static string Numbers(int count) => string.Concat(Enumerable.Range(1, count).Select(i => $"{i}\n"));
}
