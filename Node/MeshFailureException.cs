namespace Mesh.Node;

/// <summary>Ends a command: one line that says what is wrong and what to do, and the exit code that a script sees.</summary>
/// <param name="exitCode">One of <see cref="ExitCodes"/>.</param>
/// <param name="message">One line without the program's name.</param>
/// <param name="cause">What brought it about, where something did.</param>
sealed class MeshFailureException(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Gets the exit code.</summary>
    public int ExitCode { get; } = exitCode;
}

/// <summary>Names the exit codes of both programs (sysexits.h where it has one).</summary>
static class ExitCodes
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 64;
    public const int BadInput = 65;
    public const int Unreachable = 69;
    public const int TryAgain = 75;
    public const int Refused = 77;
    public const int BadConfiguration = 78;
}
