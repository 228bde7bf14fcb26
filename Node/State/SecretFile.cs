using System.Security.Cryptography;

namespace Mesh.Node.State;

/// <summary>Reads files that hold secrets, and refuses those that others can read.</summary>
static class SecretFile
{
    const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    const int MaximumSize = 64 * 1024;

    /// <summary>Reads a file of at most 64 KiB.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it is, for the error line: <c>identity file</c>.</param>
    /// <param name="checkMode">False where a service manager vouches for who can read it.</param>
    /// <exception cref="MeshFailureException">It is missing, too big, or open to group or others.</exception>
    public static byte[] Read(string path, string what, bool checkMode = true)
    {
        try
        {
            // A descriptor (/dev/fd/3) is a pipe as often as a file: it is read to its end, not by its length.
            using var stream = new FileStream(path, new FileStreamOptions { Access = FileAccess.Read, BufferSize = 0 });
            var mode = File.GetUnixFileMode(stream.SafeFileHandle);
            if (checkMode && (mode & Others) != 0)
                throw new MeshFailureException(ExitCodes.BadConfiguration,
                    $"the {what} {path} is open to others (mode {Convert.ToString((int)mode, 8).PadLeft(4, '0')}): chmod 600 {path}, and treat what is in it as known to them");
            var buffer = GC.AllocateArray<byte>(MaximumSize + 1, pinned: true);
            var read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            if (read > MaximumSize)
                throw new MeshFailureException(ExitCodes.BadConfiguration, $"the {what} {path} is too big to be one");
            var content = GC.AllocateArray<byte>(read, pinned: true);
            buffer.AsSpan(0, read).CopyTo(content);
            CryptographicOperations.ZeroMemory(buffer);
            return content;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot read the {what} {path}: {failure.Message}", failure);
        }
    }

    /// <summary>Reads a file of the state directory that holds no secret, whole.</summary>
    /// <exception cref="MeshFailureException">It cannot be read.</exception>
    public static byte[] ReadAll(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new MeshFailureException(ExitCodes.BadConfiguration, $"cannot read {path}: {failure.Message}", failure);
        }
    }
}
