using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.State;

/// <summary>
/// Replaces files so that a reader, or a machine that loses power, sees the old content or the new and never a part: write to a
/// file beside it, fsync, rename over it, fsync the directory.
/// </summary>
static partial class AtomicFile
{
    /// <summary>Writes a file.</summary>
    /// <param name="path">The file; its directory exists.</param>
    /// <param name="content">The whole content.</param>
    /// <param name="mode">The mode of the new file, whatever the umask is.</param>
    /// <exception cref="MeshFailureException">The disk is full or not writable; the old file is as it was.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var beside = $"{path}.new";
        try
        {
            // A part of an earlier attempt may lie there with another mode.
            File.Delete(beside);
            using (var handle = File.OpenHandle(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                File.SetUnixFileMode(handle, mode);
                RandomAccess.Write(handle, content, 0);
                RandomAccess.FlushToDisk(handle);
            }
            File.Move(beside, path, overwrite: true);
            FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            TryDelete(beside);
            throw NotWritten(path, failure);
        }
    }

    /// <summary>Removes a file, also from the disk, where it is there.</summary>
    public static void Delete(string path)
    {
        try
        {
            if (!File.Exists(path))
                return;
            File.Delete(path);
            FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw NotWritten(path, failure);
        }
    }

    static MeshFailureException NotWritten(string path, Exception failure) =>
        IsDiskFull(failure)
            ? new MeshFailureException(ExitCodes.TryAgain, $"cannot write {path}: no space left on the device; nothing was changed: free some space and try again", failure)
            : new MeshFailureException(ExitCodes.Failed, $"cannot write {path}: {failure.Message}", failure);

    // ENOSPC is 28, EDQUOT 122 (errno(3)); the runtime keeps the number in the low half of HResult.
    static bool IsDiskFull(Exception failure) =>
        failure is IOException && ((failure.HResult & 0xFFFF) is 28 or 122 || failure.Message.StartsWith("No space left", StringComparison.Ordinal));

    static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report.
            _ = failure;
        }
    }

    static void FlushDirectory(string path)
    {
        const int ReadOnlyDirectory = 0x10000 | 0x80000;
        using var handle = new SafeFileHandle(open(path, ReadOnlyDirectory), ownsHandle: true);
        if (handle.IsInvalid || fsync(handle) != 0)
            throw new IOException($"cannot flush {path}: errno {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle handle);
}
