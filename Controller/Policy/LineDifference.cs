using System.Globalization;
using System.Text;

namespace Mesh.Controller.Policy;

/// <summary>
/// Is what leads from one text to another, line by line: the shortest such edit (Myers, "An O(ND) Difference Algorithm and Its Variations",
/// 1986), or, where the texts have little in common, one that replaces all between what they begin and end with. Immutable.
/// </summary>
sealed class LineDifference
{
    // What is kept of the search grows with the square of the edit.
    const int MostEdits = 1000;
    const int Context = 3;

    readonly IReadOnlyList<(char Kind, string Line)> _edits;

    LineDifference(IReadOnlyList<(char Kind, string Line)> edits) => _edits = edits;

    /// <summary>Compares two texts.</summary>
    public static LineDifference Of(string before, string after)
    {
        var (old, now) = (Lines(before), Lines(after));
        var head = 0;
        while (head < old.Length && head < now.Length && old[head] == now[head])
            head++;
        var tail = 0;
        while (tail < old.Length - head && tail < now.Length - head && old[^(tail + 1)] == now[^(tail + 1)])
            tail++;
        var edits = new List<(char, string)>();
        edits.AddRange(old[..head].Select(line => (' ', line)));
        edits.AddRange(Shortest(old[head..^tail], now[head..^tail]));
        edits.AddRange(old[^tail..].Select(line => (' ', line)));
        return new LineDifference(edits);
    }

    /// <summary>Counts the lines that come and those that go.</summary>
    public (int Added, int Removed) Count() => (_edits.Count(edit => edit.Kind == '+'), _edits.Count(edit => edit.Kind == '-'));

    /// <summary>Prints the hunks of the unified format, as <c>diff -u</c> does below its two lines of names; empty where nothing differs.</summary>
    public string Print()
    {
        var text = new StringBuilder();
        var (oldLine, newLine) = (1, 1);
        var at = 0;
        while (at < _edits.Count)
        {
            var first = Next(at);
            if (first == _edits.Count)
                break;
            var from = Math.Max(at, first - Context);
            // One hunk goes on as long as the context of one change meets that of the next.
            var last = first;
            for (var next = Next(last + 1); next < _edits.Count && next - last <= 2 * Context + 1; next = Next(last + 1))
                last = next;
            var end = Math.Min(_edits.Count, last + Context + 1);

            // Everything before the hunk is unchanged.
            (oldLine, newLine) = (oldLine + from - at, newLine + from - at);
            var (olds, news) = (0, 0);
            for (var i = from; i < end; i++)
            {
                olds += _edits[i].Kind == '+' ? 0 : 1;
                news += _edits[i].Kind == '-' ? 0 : 1;
            }
            text.Append(CultureInfo.InvariantCulture, $"@@ -{Range(oldLine, olds)} +{Range(newLine, news)} @@\n");
            for (var i = from; i < end; i++)
            {
                text.Append(_edits[i].Kind).Append(_edits[i].Line);
                if (!_edits[i].Line.EndsWith('\n'))
                    text.Append("\n\\ No newline at end of file\n");
            }
            (oldLine, newLine) = (oldLine + olds, newLine + news);
            at = end;
        }
        return text.ToString();

        int Next(int from)
        {
            while (from < _edits.Count && _edits[from].Kind == ' ')
                from++;
            return from;
        }
    }

    // A range without lines names the line before it.
    static string Range(int first, int count) => count switch
    {
        0 => string.Create(CultureInfo.InvariantCulture, $"{first - 1},0"),
        1 => string.Create(CultureInfo.InvariantCulture, $"{first}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{first},{count}"),
    };

    // Each line with its line feed: a last line without one differs from the same line with it.
    static string[] Lines(string text)
    {
        var lines = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf('\n', at) is >= 0 and var feed ? feed + 1 : text.Length;
            lines.Add(text[at..end]);
            at = end;
        }
        return [.. lines];
    }

    static IEnumerable<(char, string)> Shortest(string[] old, string[] now)
    {
        // reached[d] holds, for each diagonal -d..d, how far into the old text d edits lead.
        var reached = new List<int[]>();
        var most = Math.Min(old.Length + now.Length, MostEdits);
        for (var d = 0; d <= most; d++)
        {
            var row = new int[2 * d + 1];
            reached.Add(row);
            for (var k = -d; k <= d; k += 2)
            {
                var x = d == 0 ? 0 : Step(reached[d - 1], d - 1, k);
                while (x < old.Length && x - k < now.Length && x - k >= 0 && old[x] == now[x - k])
                    x++;
                row[k + d] = x;
                if (x >= old.Length && x - k >= now.Length)
                    return Trace(reached, old, now);
            }
        }
        return [.. old.Select(line => ('-', line)), .. now.Select(line => ('+', line))];
    }

    // The farthest that one more edit leads on a diagonal: down from the one above, a line that comes, or right from the one below, a line that goes.
    static int Step(int[] before, int d, int k)
    {
        var down = At(before, d, k + 1);
        var right = At(before, d, k - 1);
        return down > right ? down : right + 1;
    }

    static int At(int[] row, int d, int k) => k < -d || k > d ? -1 : row[k + d];

    static List<(char, string)> Trace(List<int[]> reached, string[] old, string[] now)
    {
        var edits = new List<(char, string)>();
        var (x, y) = (old.Length, now.Length);
        for (var d = reached.Count - 1; d > 0; d--)
        {
            var k = x - y;
            var before = reached[d - 1];
            var comes = At(before, d - 1, k + 1) > At(before, d - 1, k - 1);
            var start = Step(before, d - 1, k);
            for (; x > start; x--, y--)
                edits.Add((' ', old[x - 1]));
            if (comes)
                edits.Add(('+', now[--y]));
            else
                edits.Add(('-', old[--x]));
        }
        for (; x > 0; x--)
            edits.Add((' ', old[x - 1]));
        edits.Reverse();
        return edits;
    }
}
