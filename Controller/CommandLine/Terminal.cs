using Mesh.Controller.Shell;

namespace Mesh.Controller.CommandLine;

/// <summary>
/// Is the world that a command runs in: where it writes, what it reads, its environment. The program uses the process's; a test
/// brings its own.
/// </summary>
sealed record Terminal
{
    /// <summary>Gets where results go.</summary>
    public required TextWriter Out { get; init; }

    /// <summary>Gets where errors, hints and logs go.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Gets what <c>-</c> as a file name reads.</summary>
    public required TextReader In { get; init; }

    /// <summary>Reads an environment variable.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Gets whether results go to a person who sees colours.</summary>
    public bool Colours { get; init; }

    /// <summary>Gives how many columns a person sees at the moment; null where results do not go to one, and lines may have any length.</summary>
    public Func<int>? Width { get; init; }

    /// <summary>Gets where somebody types lines; null where standard input or output is no terminal.</summary>
    public ILineTerminal? Keyboard { get; init; }

    /// <summary>Gets the process's own.</summary>
    public static Terminal Process => new()
    {
        Out = Console.Out,
        Error = Console.Error,
        In = Console.In,
        Environment = System.Environment.GetEnvironmentVariable,
        Keyboard = Console.IsInputRedirected || Console.IsOutputRedirected ? null : new ConsoleLineTerminal(),
        Width = Console.IsOutputRedirected ? null : () => Math.Max(1, Console.WindowWidth),
        Colours = !Console.IsOutputRedirected && string.IsNullOrEmpty(System.Environment.GetEnvironmentVariable("NO_COLOR"))
            && System.Environment.GetEnvironmentVariable("TERM") is not (null or "dumb"),
    };
}
