namespace Mesh.Bench;

/// <summary>Ends a benchmark: one line that says what is wrong and what to do, and the exit code that a script sees.</summary>
/// <param name="exitCode">One of <see cref="ExitCodes"/>.</param>
/// <param name="message">One line without the program's name.</param>
sealed class BenchFailureException(int exitCode, string message) : Exception(message)
{
    /// <summary>Gets the exit code.</summary>
    public int ExitCode { get; } = exitCode;
}

/// <summary>Names the exit codes (sysexits.h where it has one).</summary>
static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 64;
    public const int Unreachable = 69;
    public const int Refused = 77;
}
