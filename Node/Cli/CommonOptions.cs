using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Mesh.Node.Configuration;

namespace Mesh.Node.Cli;

/// <summary>Makes the options that several verbs share.</summary>
static class CommonOptions
{
    /// <summary>Makes <c>--socket PATH</c>.</summary>
    public static Option<string?> Socket() =>
        new("--socket") { Description = $"Socket of the daemon (default {DaemonSettings.DefaultSocket}, or MESH_SOCKET)", HelpName = "PATH" };

    /// <summary>Makes <c>--json</c>.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print JSON for programs to read" };

    /// <summary>Makes an option that takes a length of time: <c>500ms</c>, <c>30s</c>, <c>2m</c>, or bare seconds.</summary>
    public static DurationOption Duration(string name, string description, TimeSpan standard, params string[] aliases) =>
        new(name, standard, aliases)
        {
            Description = $"{description} (default {Print(standard)})",
            HelpName = "TIME",
            CustomParser = Parse,
        };

    /// <summary>Makes an option that takes a whole number within bounds.</summary>
    public static Option<int?> Number(string name, string description, int least, int greatest, params string[] aliases) =>
        new(name, aliases)
        {
            Description = description,
            HelpName = "N",
            CustomParser = result =>
            {
                if (result.Tokens is [var token] && int.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    && number >= least && number <= greatest)
                    return number;
                result.AddError($"'{(result.Tokens.Count == 0 ? "" : result.Tokens[0].Value)}' is not a number from {least} to {greatest}");
                return null;
            },
        };

    /// <summary>Reads an option that <see cref="Duration"/> made.</summary>
    public static TimeSpan GetDuration(this ParseResult parsed, DurationOption option) => parsed.GetValue(option) ?? option.Standard;

    /// <summary>Finds the daemon's socket: option, environment, default.</summary>
    public static string SocketPath(string? option, CliConsole console) =>
        option ?? console.Environment("MESH_SOCKET") ?? DaemonSettings.DefaultSocket;

    /// <summary>Reads a length of time; false for what is not one, negative or longer than a day.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        var digits = text.AsSpan().TrimEnd("hms");
        var unit = text[digits.Length..] switch { "ms" => 0.001, "" or "s" => 1, "m" => 60, "h" => 3600, _ => double.NaN };
        duration = default;
        if (!double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            || !double.IsFinite(number * unit) || number * unit > 86_400)
            return false;
        duration = TimeSpan.FromSeconds(number * unit);
        return true;
    }

    static TimeSpan? Parse(ArgumentResult result)
    {
        if (result.Tokens is [var token] && TryParseDuration(token.Value, out var duration) && duration > TimeSpan.Zero)
            return duration;
        result.AddError($"'{(result.Tokens.Count == 0 ? "" : result.Tokens[0].Value)}' is not a length of time: write 500ms, 30s or 2m");
        return null;
    }

    static string Print(TimeSpan duration) => string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds:0.###}s");
}

/// <summary>Is an option that takes a length of time.</summary>
/// <param name="name">Its name.</param>
/// <param name="standard">What counts where it is not given.</param>
/// <param name="aliases">Its other names.</param>
sealed class DurationOption(string name, TimeSpan standard, params string[] aliases) : Option<TimeSpan?>(name, aliases)
{
    /// <summary>Gets what counts where it is not given.</summary>
    public TimeSpan Standard { get; } = standard;
}
