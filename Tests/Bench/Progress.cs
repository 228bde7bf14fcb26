using System.Diagnostics;

namespace Mesh.Bench;

/// <summary>Tells on standard error what is going on; results go to standard output.</summary>
static class Progress
{
    static readonly long Began = Stopwatch.GetTimestamp();

    /// <summary>Prints a line with the seconds since the start.</summary>
    public static void Say(string text) => Console.Error.WriteLine($"[{Stopwatch.GetElapsedTime(Began).TotalSeconds,5:0}s] {text}");
}
