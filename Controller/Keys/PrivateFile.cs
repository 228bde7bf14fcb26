using System.Text;

namespace Mesh.Controller.Keys;

/// <summary>
/// Reads and writes files that hold secrets: mode 0600, written whole or not at all, refused where others could read them.
/// Errors are <see cref="CommandException"/>s with the exit code that the program ends with.
/// </summary>
static class PrivateFile
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    // Key files have a few hundred bytes: what is larger is something else.
    const int MaximumSize = 65536;

    /// <summary>Writes a file so that it has the old content or the new one after a crash at any moment, never a part.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + ".new";
        try
        {
            File.Delete(temporary);
            using (var stream = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = OwnerOnly,
            }))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
            DirectorySync.Flush(Path.GetDirectoryName(path)!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.Explain(e, $"cannot write {path}");
        }
    }

    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte})"/>
    public static void Write(string path, string content) => Write(path, Encoding.UTF8.GetBytes(content));

    /// <summary>Reads a file that only its owner can read; one that others can read is refused with what to type.</summary>
    public static byte[] Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            var mode = File.GetUnixFileMode(stream.SafeFileHandle);
            if ((mode & Others) != 0)
                throw new CommandException(ExitCode.BadConfiguration,
                    $"{path} can be read by others (mode {Convert.ToString((int)mode, 8).PadLeft(4, '0')}): chmod 600 {path}");
            if (stream.Length > MaximumSize)
                throw new CommandException(ExitCode.BadConfiguration, $"{path} is too large for a key file");
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            return content;
        }
        catch (FileNotFoundException e)
        {
            throw new CommandException(ExitCode.BadConfiguration, $"{path} is missing: restore it from a backup of the state directory", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.Explain(e, $"cannot read {path}");
        }
    }
}
