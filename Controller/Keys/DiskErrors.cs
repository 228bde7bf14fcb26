namespace Mesh.Controller.Keys;

/// <summary>Turns errors of the file system into one line and the right exit code.</summary>
static class DiskErrors
{
    // errno in the low bits of the HResult that .NET on Linux gives to IOException.
    const int NoSpace = 28;
    const int ReadOnlyFileSystem = 30;
    const int QuotaExceeded = 122;

    // The shared-memory index beside a database in WAL mode grows by this much.
    const long LeastFreeSpace = 32 << 10;

    /// <summary>Tells whether the error says that the disk, or the quota on it, is full.</summary>
    public static bool IsFull(Exception error) => error is IOException && (error.HResult & 0xffff) is NoSpace or QuotaExceeded;

    /// <summary>
    /// Tells whether the disk that holds a directory has no room left for another write. SQLite words a full disk in many ways, and
    /// some of them name no reason.
    /// </summary>
    public static bool IsFullAt(string directory)
    {
        try
        {
            return new DriveInfo(directory).AvailableFreeSpace < LeastFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Explains the error; <paramref name="what"/> begins the line.</summary>
    public static CommandException Explain(Exception error, string what) => error switch
    {
        _ when IsFull(error) =>
            new CommandException(ExitCode.TryAgain, $"{what}: the disk is full; free some space and start again", error),
        IOException when (error.HResult & 0xffff) == ReadOnlyFileSystem =>
            new CommandException(ExitCode.BadConfiguration, $"{what}: the file system is mounted read-only", error),
        UnauthorizedAccessException => new CommandException(ExitCode.Refused, $"{what}: permission denied", error),
        _ => new CommandException(ExitCode.BadConfiguration, $"{what}: {FirstLine(error.Message)}", error),
    };

    static string FirstLine(string message) => message.Split('\n', 2)[0].TrimEnd('.', '\r');
}
