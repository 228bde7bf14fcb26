using System.Globalization;
using Mesh.Actors.Projection;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Admin;

/// <summary>
/// Reads how an admin names a moment: a time as RFC 3339 has it and this program prints it (<c>2026-03-01T14:00:00Z</c>,
/// <c>2026-03-01 15:00:00+01:00</c>), how long ago (<c>-90s</c>, <c>-30m</c>, <c>-2h</c>, <c>-7d</c>), or a revision (<c>@42</c>).
/// </summary>
static class MomentText
{
    static readonly string[] Formats =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFF'Z'",
    ];

    /// <summary>Reads a moment; the problem is null unless the text names none.</summary>
    /// <param name="text">What the admin wrote.</param>
    /// <param name="now">The time that is counted back from, and that no moment may be behind.</param>
    /// <param name="problem">What is wrong, in one line.</param>
    public static Moment? Parse(string text, WallTime now, out string? problem)
    {
        problem = null;
        if (text.StartsWith('@') && long.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var revision))
            return new Moment.AtRevision(revision);
        if (Ago(text) is { } ago)
            return new Moment.AtTime(now - ago);
        if (!DateTimeOffset.TryParseExact(
            text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            problem = $"'{text}' is not a time: write it like 2026-03-01T14:00:00Z, like -2h for two hours ago, or @REVISION";
            return null;
        }
        if (WallTime.From(time) <= now)
            return new Moment.AtTime(WallTime.From(time));
        problem = $"'{text}' is in the future: by the controller's clock it is {now}";
        return null;
    }

    static TimeSpan? Ago(string text)
    {
        if (text.Length < 3 || text[0] != '-'
            || !int.TryParse(text.AsSpan(1, text.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > 1_000_000)
            return null;
        return text[^1] switch
        {
            's' => TimeSpan.FromSeconds(number),
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            'd' => TimeSpan.FromDays(number),
            _ => null,
        };
    }
}
