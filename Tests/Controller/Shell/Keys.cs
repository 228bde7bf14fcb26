using System.Text.RegularExpressions;

namespace Mesh.Tests.Controller.Shell;

/// <summary>Makes keys of text: characters stand for themselves, <c>&lt;Left&gt;</c> for a key, <c>&lt;C-a&gt;</c> and <c>&lt;A-b&gt;</c> for one
/// with Ctrl or Alt.</summary>
static partial class Keys
{
    public static IEnumerable<ConsoleKeyInfo> Of(string text) => Parts().Matches(text).Select(part =>
    {
        if (part.Value.Length == 1)
            return new ConsoleKeyInfo(part.Value[0], default, false, false, false);
        var (modifier, name) = (part.Groups["modifier"].Value, part.Groups["name"].Value);
        var key = Enum.Parse<ConsoleKey>(name switch { "Left" => "LeftArrow", "Right" => "RightArrow", "Up" => "UpArrow", "Down" => "DownArrow", _ => name }, ignoreCase: true);
        return new ConsoleKeyInfo('\0', key, false, modifier == "A-", modifier == "C-");
    });

    [GeneratedRegex("<(?<modifier>[CA]-)?(?<name>[A-Za-z0-9]+)>|.", RegexOptions.Singleline)]
    private static partial Regex Parts();
}
