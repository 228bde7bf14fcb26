using System.Globalization;
using System.Text;

namespace Mesh.Actors.Registry;

/// <summary>Decides what users, tags and nodes may be called. Pure.</summary>
public static class Names
{
    /// <summary>The greatest length of a user's name and of a DNS label (RFC 1035 section 2.3.4).</summary>
    public const int MaximumLength = 63;

    /// <summary>Is the name of a machine that offers none that can be used.</summary>
    public const string Fallback = "node";

    /// <summary>Tells whether a text is a user's name: <c>[a-z0-9][a-z0-9._-]{0,62}</c>.</summary>
    public static bool IsUser(string? text) =>
        text is { Length: > 0 and <= MaximumLength } && IsLetterOrDigit(text[0]) && text.All(one => IsLetterOrDigit(one) || one is '.' or '_' or '-');

    /// <summary>Tells whether a text is one DNS label in lower case (RFC 1123 section 2.1): what nodes, tags and groups are called.</summary>
    public static bool IsLabel(string? text) =>
        text is { Length: > 0 and <= MaximumLength } && IsLetterOrDigit(text[0]) && IsLetterOrDigit(text[^1])
        && text.All(one => IsLetterOrDigit(one) || one == '-');

    /// <summary>
    /// Makes a DNS label of what a machine calls itself: lower case, apostrophes dropped, everything else that a label cannot
    /// hold becomes one hyphen between what remains; <see cref="Fallback"/> where nothing is left.
    /// </summary>
    public static string Sanitize(string? hostname)
    {
        var label = new StringBuilder(MaximumLength);
        foreach (var one in hostname ?? "")
        {
            if (label.Length == MaximumLength)
                break;
            var lower = char.ToLowerInvariant(one);
            if (IsLetterOrDigit(lower))
                label.Append(lower);
            else if (one is not ('\'' or '\u2019' or '`') && label.Length > 0 && label[^1] != '-')
                label.Append('-');
        }
        while (label.Length > 0 && label[^1] == '-')
            label.Length--;
        // Every machine calls itself localhost until somebody names it, and the name must never resolve to another machine.
        return label.Length == 0 || label.Equals("localhost") ? Fallback : label.ToString();
    }

    /// <summary>Finds the first free one of <c>x</c>, <c>x-1</c>, <c>x-2</c>, ...; the stem is cut where the label would be too long.</summary>
    public static string Deconflict(string label, Func<string, bool> isTaken)
    {
        if (!isTaken(label))
            return label;
        for (var i = 1; ; i++)
        {
            var suffix = "-" + i.ToString(CultureInfo.InvariantCulture);
            var stem = label.Length + suffix.Length <= MaximumLength ? label : label[..(MaximumLength - suffix.Length)].TrimEnd('-');
            if (!isTaken(stem + suffix))
                return stem + suffix;
        }
    }

    static bool IsLetterOrDigit(char one) => char.IsAsciiLetterLower(one) || char.IsAsciiDigit(one);
}
