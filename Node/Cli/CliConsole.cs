namespace Mesh.Node.Cli;

/// <summary>Is what a command line program touches of its surroundings, so that a test can stand in for them.</summary>
/// <param name="Out">Results.</param>
/// <param name="Error">One line for each thing that went wrong.</param>
/// <param name="In">Read where a command says <c>-</c>.</param>
/// <param name="Environment">Looks up an environment variable.</param>
sealed record CliConsole(TextWriter Out, TextWriter Error, TextReader In, Func<string, string?> Environment)
{
    /// <summary>Gets the process's own.</summary>
    public static CliConsole Process { get; } =
        new(Console.Out, Console.Error, Console.In, System.Environment.GetEnvironmentVariable);
}
