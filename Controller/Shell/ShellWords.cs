using System.Text;

namespace Mesh.Controller.Shell;

/// <summary>
/// Cuts a line into words as a POSIX shell does (XCU 2.2, 2.3): blanks separate, single quotes keep everything, double quotes keep all
/// but a backslash before <c>"</c>, <c>\</c>, <c>$</c> and <c>`</c>, a backslash keeps the next character, <c>#</c> at the start of a
/// word begins a comment. There are no variables, pipes or patterns: their signs are ordinary characters. Pure.
/// </summary>
static class ShellWords
{
    /// <summary>Cuts a line.</summary>
    /// <returns>The words; null, with the reason, where a quote is not closed or nothing follows the last backslash.</returns>
    public static IReadOnlyList<string>? Split(string line, out string? problem)
    {
        problem = null;
        var words = new List<string>();
        // Null between words; an empty quote makes a word of its own.
        StringBuilder? word = null;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            switch (c)
            {
                case ' ' or '\t' or '\r' or '\n':
                    if (word is not null)
                        words.Add(word.ToString());
                    word = null;
                    break;
                case '#' when word is null:
                    return words;
                case '\\' when i + 1 == line.Length:
                    problem = "nothing follows the backslash at the end of the line";
                    return null;
                case '\\':
                    (word ??= new()).Append(line[++i]);
                    break;
                case '\'' or '"':
                    word ??= new();
                    if (!TryReadQuoted(line, ref i, word))
                    {
                        problem = $"the {(c == '"' ? "double" : "single")} quote is not closed";
                        return null;
                    }
                    break;
                default:
                    (word ??= new()).Append(c);
                    break;
            }
        }
        if (word is not null)
            words.Add(word.ToString());
        return words;
    }

    // From the opening quote to the closing one.
    static bool TryReadQuoted(string line, ref int i, StringBuilder word)
    {
        var quote = line[i];
        for (i++; i < line.Length; i++)
        {
            if (line[i] == quote)
                return true;
            if (quote == '"' && line[i] == '\\' && i + 1 < line.Length && line[i + 1] is '"' or '\\' or '$' or '`')
                i++;
            word.Append(line[i]);
        }
        return false;
    }
}
