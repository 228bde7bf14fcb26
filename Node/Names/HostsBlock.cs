using System.Buffers;
using System.Net;
using System.Text;

namespace Mesh.Node.Names;

/// <summary>Is one line of a hosts file.</summary>
/// <param name="Address">The address.</param>
/// <param name="Name">One DNS label.</param>
/// <param name="Zone">The zone of the full name, without dots at its ends.</param>
readonly record struct HostsEntry(IPAddress Address, string Name, string Zone);

/// <summary>
/// Computes hosts files with a marked block in them, and without: everything outside the block stays byte for byte. Pure.
/// <code>
/// # BEGIN mesh INTERFACE
/// IP name name.zone
/// # END mesh INTERFACE
/// </code>
/// </summary>
static class HostsBlock
{
    static readonly SearchValues<char> _label = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Puts exactly one block with these entries at the end; without entries, takes the block out.</summary>
    public static string Replace(string text, string interfaceName, IReadOnlyList<HostsEntry> entries)
    {
        var (begin, end) = ($"# BEGIN mesh {interfaceName}", $"# END mesh {interfaceName}");
        var result = new StringBuilder(text.Length + 256);
        var inside = false;
        var open = false;
        foreach (var line in Lines(text))
        {
            var bare = line.TrimEnd('\r', '\n').TrimEnd();
            if (!inside && bare == begin)
                (inside, open) = (true, !text.Contains(end, StringComparison.Ordinal));
            else if (inside && bare == end)
                inside = false;
            // A block whose end is missing reaches as far as lines that this program could have written.
            else if (inside && open && (bare.Length == 0 || bare[0] == '#'))
                (inside, open) = (false, Append(result, line));
            else if (!inside)
                Append(result, line);
        }
        var usable = entries.Where(entry => IsUsable(entry.Name)).ToArray();
        if (usable.Length == 0)
            return result.ToString();
        if (result.Length > 0 && result[^1] != '\n')
            result.Append('\n');
        result.Append(begin).Append('\n');
        foreach (var (address, name, zone) in usable)
            result.Append(address).Append(' ').Append(name).Append(' ').Append(name).Append('.').Append(zone).Append('\n');
        return result.Append(end).Append('\n').ToString();
    }

    // No map, however signed, takes over the machine's own name for itself or writes more than a label.
    static bool IsUsable(string name) =>
        name.Length is > 0 and <= 63 && name != "localhost" && !name.AsSpan().ContainsAnyExcept(_label);

    static bool Append(StringBuilder result, string line)
    {
        result.Append(line);
        return false;
    }

    static IEnumerable<string> Lines(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var end = text.IndexOf('\n', at);
            end = end < 0 ? text.Length : end + 1;
            yield return text[at..end];
            at = end;
        }
    }
}
