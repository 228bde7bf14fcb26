using System.Buffers;
using System.Text;

namespace Mesh.Actors.Engine.Configuration;

/// <summary>Splits and joins dotted paths; a segment in double quotes may hold dots.</summary>
internal static class ConfigPath
{
    private static readonly SearchValues<char> NeedQuotes = SearchValues.Create(" .\t:={}[]#$\"");

    public static List<string> Split(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var segments = new List<string>();
        var segment = new StringBuilder();
        var quoted = false;
        foreach (var c in path)
        {
            if (c == '"')
                quoted = !quoted;
            else if (c == '.' && !quoted)
            {
                segments.Add(segment.ToString());
                segment.Clear();
            }
            else
                segment.Append(c);
        }

        segments.Add(segment.ToString());
        return segments;
    }

    public static string Join(string? parent, string segment)
    {
        var needsQuotes = segment.Length == 0 || segment.AsSpan().ContainsAny(NeedQuotes);
        var written = needsQuotes ? $"\"{segment}\"" : segment;
        return parent is null ? written : $"{parent}.{written}";
    }

    public static string Join(IEnumerable<string> segments) => segments.Aggregate((string?)null, Join) ?? "";
}
