namespace Mesh.Controller;

/// <summary>Names the exit codes of the program (after sysexits.h).</summary>
static class ExitCode
{
    /// <summary>What was asked for is done.</summary>
    public const int Done = 0;

    /// <summary>It failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line cannot be understood.</summary>
    public const int Usage = 64;

    /// <summary>An input file cannot be understood.</summary>
    public const int BadInput = 65;

    /// <summary>The controller does not answer.</summary>
    public const int Unreachable = 69;

    /// <summary>It may work later.</summary>
    public const int TryAgain = 75;

    /// <summary>Policy or permission is against it.</summary>
    public const int Refused = 77;

    /// <summary>Configuration or state on disk is wrong.</summary>
    public const int BadConfiguration = 78;
}

/// <summary>Ends the program with one line on stderr that says what is wrong and what to do, and an exit code.</summary>
sealed class CommandException(int exitCode, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Gets the fixed word with which a controller refused; null where it was no controller.</summary>
    public string? Code { get; init; }

    /// <summary>Gets the exit code, one of <see cref="Controller.ExitCode"/>.</summary>
    public int ExitCode { get; } = exitCode;
}
