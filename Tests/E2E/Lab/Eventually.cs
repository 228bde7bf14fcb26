using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Mesh.Tests.E2E.Lab;

/// <summary>Waits for what must become true within a time.</summary>
static class Eventually
{
    static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(40);

    /// <summary>Asks until the answer is yes and gives how long it took; fails, saying what was awaited, after the limit.</summary>
    public static Task<TimeSpan> TrueAsync(string what, TimeSpan limit, Func<bool> condition) =>
        TrueAsync(what, limit, () => Task.FromResult(condition()));

    /// <inheritdoc cref="TrueAsync(string, TimeSpan, Func{bool})"/>
    public static async Task<TimeSpan> TrueAsync(string what, TimeSpan limit, Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > limit)
                Assert.Fail($"not within {limit.TotalSeconds:0.#} s: {what}");
            await Task.Delay(_interval);
        }
        return watch.Elapsed;
    }

    /// <summary>Reads a text until it has what is looked for; fails, showing what it read last, after the limit.</summary>
    public static async Task MatchesAsync(TimeSpan limit, string pattern, Func<string> read)
    {
        var watch = Stopwatch.StartNew();
        string text;
        while (!Regex.IsMatch(text = read(), pattern, RegexOptions.CultureInvariant))
        {
            if (watch.Elapsed > limit)
                Assert.Matches(pattern, text);
            await Task.Delay(_interval);
        }
    }
}
